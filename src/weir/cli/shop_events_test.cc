#include "weir/cli/shop_events.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

// Property: one seed gives one stream, whose numbers rise by one. Fails when an event depends on anything but the seed.
TEST(ShopEvents, same_seed_same_stream) {
  ShopEvents one(7, 100);
  ShopEvents two(7, 100);
  ShopEvents other(8, 100);
  bool differs = false;
  uint32_t purchases = 0;
  for (uint64_t i = 0; i < 5000; ++i) {
    std::string a;
    std::string b;
    std::string c;
    const ShopEvent event = one.next();
    append_line(a, event, -1);
    append_line(b, two.next(), -1);
    append_line(c, other.next(), -1);
    ASSERT_EQ(a, b);
    EXPECT_EQ(event.seq, i);
    differs = differs || a != c;
    purchases += event.action == ShopAction::kPurchase ? 1 : 0;
    EXPECT_EQ(std::ranges::count(a, '\n'), 1);
    EXPECT_EQ(std::ranges::count(a, '\t'), 1);
  }
  EXPECT_TRUE(differs);
  EXPECT_GT(purchases, 50u);
}

}  // namespace
}  // namespace weir::cli
