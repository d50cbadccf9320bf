#include "weir/cli/amounts.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

// Property: amounts have three or so digits and a unit that fits. Fails when a unit is left at 1000 of the one below, or a count of
// one is a plural.
TEST(Amounts, read_well) {
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(1023), "1.0 KiB");
  EXPECT_EQ(bytes_text(12.5 * 1024 * 1024), "12.5 MiB");
  EXPECT_EQ(bytes_text(100.0 * 1024 * 1024 * 1024), "100 GiB");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1234567), "1,234,567");
  EXPECT_EQ(counted(1, "topic"), "1 topic");
  EXPECT_EQ(counted(0, "topic"), "0 topics");
  EXPECT_EQ(counted(1200, "record"), "1,200 records");
  EXPECT_EQ(duration_text(850us), "850 us");
  EXPECT_EQ(duration_text(1200us), "1.2 ms");
  EXPECT_EQ(duration_text(12300ms), "12.3 s");
  EXPECT_EQ(duration_text(245s), "4 min 5 s");
  EXPECT_EQ(duration_text(123min), "2 h 3 min");
}

}  // namespace
}  // namespace weir::cli
