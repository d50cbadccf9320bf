#include "weir/server/byte_budget.h"

#include <gtest/gtest.h>

#include "weir/runtime/sim/world.h"

namespace weir::server {
namespace {

// Property: a budget holds what its shares hold, and a share gives everything back when it ends. Fails when a connection that ends
// in the middle of a request keeps its bytes for ever.
TEST(ByteBudget, is_the_sum_of_its_shares) {
  ByteBudget budget(100);
  {
    BudgetShare one(budget);
    BudgetShare other(budget);
    one.take(60);
    other.take(70);
    EXPECT_EQ(budget.used(), 130u);
    EXPECT_TRUE(budget.is_full());
    EXPECT_EQ(budget.room(), 0u);
    one.give_back(20);
    EXPECT_EQ(one.bytes(), 40u);
    EXPECT_TRUE(budget.is_full());
    one.give_back_all();
    EXPECT_EQ(one.bytes(), 0u);
    EXPECT_EQ(budget.room(), 30u);
  }
  EXPECT_EQ(budget.used(), 0u);
}

runtime::Task<void> wait_for_room(runtime::Environment env, ByteBudget* budget, int* woken) {
  (void)co_await budget->freed().wait(env.executor);
  ++*woken;
}

// Property: who waits for room is woken when a full budget is no longer full. Fails when it is woken by every answer, or by none.
TEST(ByteBudget, wakes_when_there_is_room_again) {
  runtime::SimWorld world(1);
  runtime::SimNode& node = world.add_node("broker");
  ByteBudget budget(100);
  BudgetShare share(budget);
  share.take(150);
  int woken = 0;
  node.spawn(&wait_for_room, node.environment(), &budget, &woken);
  world.run_for(1ms);
  share.give_back(50);
  world.run_for(1ms);
  EXPECT_EQ(woken, 0);
  share.give_back(1);
  world.run_for(1ms);
  EXPECT_EQ(woken, 1);
}

}  // namespace
}  // namespace weir::server
