#include "weir/cli/record_filter.h"

#include <gtest/gtest.h>

#include "weir/record/builder.h"

namespace weir::cli {
namespace {

// Property: conditions select exactly the records they describe. Fails when a missing value counts as an empty text.
TEST(RecordFilter, conditions) {
  codec::Codecs codecs;
  record::BatchBuilder builder({.base_offset = Offset(10)});
  const record::Header header{"trace", as_bytes("7")};
  builder.add(1000, as_bytes("user-4"), as_bytes("purchase of tea"), {&header, 1});
  builder.add(2000, std::nullopt, std::nullopt);
  const Bytes bytes = std::move(builder).build(codecs).value();
  Bytes scratch;
  const auto records = record::read_records(record::BatchView::parse(bytes).value(), codecs, 1 << 20, scratch).value();
  const auto which = [&](std::vector<std::string> conditions) {
    const auto filter = RecordFilter::parse(conditions, 0);
    EXPECT_TRUE(filter.has_value()) << conditions.front();
    return std::pair(filter->holds(PartitionIndex(3), records[0]), filter->holds(PartitionIndex(3), records[1]));
  };
  const std::pair first(true, false);
  const std::pair second(false, true);
  EXPECT_EQ(which({"key=user-4"}), first);
  EXPECT_EQ(which({"key!=user-4"}), second);
  EXPECT_EQ(which({"value~of t"}), first);
  EXPECT_EQ(which({"value!~tea"}), second);
  EXPECT_EQ(which({"key^=user-"}), first);
  EXPECT_EQ(which({"value$=tea"}), first);
  EXPECT_EQ(which({"header.trace=7"}), first);
  EXPECT_EQ(which({"!value"}), second);
  EXPECT_EQ(which({"value"}), first);
  EXPECT_EQ(which({"offset>10"}), second);
  EXPECT_EQ(which({"timestamp<=@1000"}), first);
  EXPECT_EQ(which({"partition=3", "size>=0"}), first);
  EXPECT_EQ(which({"partition=4"}), std::pair(false, false));
  for (const char* wrong : {"", "=", "kee=1", "key>1", "offset~1", "offset=x", "!key=1", "header.=1"}) EXPECT_FALSE(RecordFilter::parse({wrong}, 0)) << wrong;
}

}  // namespace
}  // namespace weir::cli
