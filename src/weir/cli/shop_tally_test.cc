#include "weir/cli/shop_tally.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

// Property: what is read out of the lines adds up to what the generator knows, also when the users are split over partitions
// and each partition's tally went through text. Fails when a field is read wrongly, or a tally loses something on its way.
TEST(ShopTally, lines_partitions_and_text) {
  ShopEvents events(7, 200);
  ShopTally known;
  ShopTally partitions[4];
  for (int i = 0; i < 20'000; ++i) {
    const ShopEvent event = events.next();
    known.apply(event);
    std::string line;
    append_line(line, event, i % 2 == 0 ? 1'795'834'800'000 : -1);
    const auto read = parse_event(std::string_view(line).substr(line.find('\t') + 1));
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(read->seq, event.seq);
    partitions[event.user % 4].apply(*read);
  }
  ShopTally merged;
  for (const ShopTally& one : partitions) merged.merge(*ShopTally::parse(one.text()));
  EXPECT_EQ(merged.text(), known.text());
  EXPECT_EQ(merged.total(), known.total());
  EXPECT_EQ(known.total().events, 20'000u);
  EXPECT_GT(known.total().in_cart, 0u);
}

// Property: what is no event or no tally is refused, whatever is cut away. Fails when half a line is counted.
TEST(ShopTally, refuses_what_is_broken) {
  ShopEvents events(7, 3);
  ShopEvent event = events.next();
  while (event.action != ShopAction::kCart) event = events.next();
  std::string line;
  append_line(line, event, -1);
  const std::string json = line.substr(line.find('\t') + 1);
  EXPECT_TRUE(parse_event(json));
  for (const char* name : {"seq", "event", "user", "session", "product", "price", "quantity"}) {
    std::string without = json;
    without.replace(without.find(std::string("\"") + name + "\""), 2, "\"_");
    EXPECT_FALSE(parse_event(without)) << name;
  }
  for (const char* wrong : {"1 2 3", "1 2 3 4 5 6 7 8", "x 2 3 4 5 6 7", "1  2 3 4 5 6 7"}) EXPECT_FALSE(ShopTally::parse(wrong)) << wrong;
}

}  // namespace
}  // namespace weir::cli
