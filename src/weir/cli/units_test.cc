#include "weir/cli/units.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

// Property: durations in both spellings; M is minutes only behind T. Fails when units are confused.
TEST(Units, durations) {
  EXPECT_EQ(*parse_timespan("500ms"), 500);
  EXPECT_EQ(*parse_timespan("2h30m"), 9'000'000);
  EXPECT_EQ(*parse_timespan("1.5d"), 129'600'000);
  EXPECT_EQ(*parse_timespan("P1DT2H"), 93'600'000);
  EXPECT_EQ(*parse_timespan("PT1H30M"), 5'400'000);
  EXPECT_EQ(*parse_timespan("PT0.5S"), 500);
  EXPECT_EQ(*parse_timespan("5min"), 300'000);
  EXPECT_EQ(*parse_timespan("2H"), 7'200'000);
  for (const char* wrong : {"", "5", "h", "P", "PT", "P1M", "-1h", "1y", "1e99d", "100001d", "nand", "infs", "2h30"}) EXPECT_FALSE(parse_timespan(wrong)) << wrong;
}

// Property: sizes are powers of 1024, whole or not; what no file could have is none. Fails when a number that does not fit is cut
// to one that does.
TEST(Units, sizes) {
  EXPECT_EQ(*parse_byte_count("4096"), 4096u);
  EXPECT_EQ(*parse_byte_count("16k"), 16384u);
  EXPECT_EQ(*parse_byte_count("1.5MiB"), 1572864u);
  EXPECT_EQ(*parse_byte_count("2G"), uint64_t{2} << 30);
  for (const char* wrong : {"", "k", "-1", "5x", "nan", "inf", "1e300", "1e30g", "1 k"}) EXPECT_FALSE(parse_byte_count(wrong)) << wrong;
}

}  // namespace
}  // namespace weir::cli
