// Which log is synced next, and what waits for what.
#include "weir/storage/flush.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/runtime/event.h"
#include "weir/runtime/sim/world.h"

namespace weir::storage {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using runtime::Task;

// A log whose sync lasts until the test says so.
struct SlowLog final : Flushable {
  SlowLog(runtime::Executor& executor, std::string name, std::vector<std::string>& begun) : executor(executor), name(std::move(name)), begun(begun) {}
  Task<void> sync_dirty() override {
    begun.push_back(name);
    EXPECT_TRUE(co_await disk.wait(executor, Deadline::never()));
    ++ended;
  }

  runtime::Executor& executor;
  std::string name;
  std::vector<std::string>& begun;
  runtime::Event disk;
  int ended = 0;
};

template <typename Body>
void on_executor(Body body) {
  runtime::SimWorld world(1);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, body(environment.executor));
}

Task<void> let_others_run(runtime::Executor& executor) { EXPECT_TRUE(co_await runtime::sleep_until(executor, executor.now() + 1ms)); }

Task<void> slow_neighbour(runtime::Executor& executor) {
  std::vector<std::string> begun;
  SlowLog slow(executor, "slow", begun);
  SlowLog quick(executor, "quick", begun);
  quick.disk.set();
  FlushScheduler flushes(executor);
  flushes.request(slow, FlushUrgency::kAwaited);
  co_await let_others_run(executor);
  for (int i = 1; i <= 3; ++i) {
    flushes.request(quick, FlushUrgency::kAwaited);
    co_await let_others_run(executor);
    EXPECT_EQ(quick.ended, i);
  }
  EXPECT_EQ(slow.ended, 0);
  slow.disk.set();
  co_await let_others_run(executor);
  EXPECT_EQ(slow.ended, 1);
  EXPECT_FALSE(flushes.is_running());
}
// Property: a sync that takes long delays no other log. Fails when syncs go in rounds that all must end together.
TEST(Flush, nobody_waits_for_a_slow_neighbour) { on_executor(slow_neighbour); }

Task<void> full_house(runtime::Executor& executor) {
  std::vector<std::string> begun;
  std::vector<std::unique_ptr<SlowLog>> logs;
  const auto add = [&](std::string name) -> SlowLog& { return *logs.emplace_back(std::make_unique<SlowLog>(executor, std::move(name), begun)); };
  FlushScheduler flushes(executor);
  for (int i = 0; i < kSyncsInParallel; ++i) flushes.request(add("busy"), FlushUrgency::kBackground);
  co_await let_others_run(executor);
  EXPECT_EQ(begun.size(), static_cast<size_t>(kSyncsInParallel));
  begun.clear();
  SlowLog& late = add("late");
  for (SlowLog* log : {&add("behind"), &late}) flushes.request(*log, FlushUrgency::kBackground);
  flushes.request(add("awaited"), FlushUrgency::kAwaited);
  flushes.request(late, FlushUrgency::kAwaited);       // somebody begins to wait
  flushes.request(late, FlushUrgency::kBackground);    // and that is not forgotten
  co_await let_others_run(executor);
  EXPECT_THAT(begun, IsEmpty());                       // the bound on what is under way
  for (const auto& log : logs) {
    log->disk.set();
    co_await let_others_run(executor);
  }
  EXPECT_THAT(begun, ElementsAre("awaited", "late", "behind"));
  EXPECT_FALSE(flushes.is_running());
}
// Property: no more than kSyncsInParallel syncs are under way, and of those in line the next is one that somebody waits for.
TEST(Flush, what_is_waited_for_comes_first) { on_executor(full_house); }

Task<void> no_end_of_awaited(runtime::Executor& executor) {
  std::vector<std::string> begun;
  SlowLog background(executor, "background", begun);
  background.disk.set();
  FlushScheduler flushes(executor);
  std::vector<std::unique_ptr<SlowLog>> busy;
  for (int i = 0; i + 1 < kSyncsInParallel; ++i) {
    busy.push_back(std::make_unique<SlowLog>(executor, "busy", begun));
    flushes.request(*busy.back(), FlushUrgency::kAwaited);
  }
  co_await let_others_run(executor);
  flushes.request(background, FlushUrgency::kBackground);
  // One place is left, and always somebody waits for it.
  std::vector<std::unique_ptr<SlowLog>> crowd;
  for (uint64_t i = 0; i < 2 * kBackgroundEvery; ++i) {
    crowd.push_back(std::make_unique<SlowLog>(executor, "awaited", begun));
    crowd.back()->disk.set();
    flushes.request(*crowd.back(), FlushUrgency::kAwaited);
  }
  co_await let_others_run(executor);
  EXPECT_EQ(background.ended, 1);
  EXPECT_NE(begun.back(), "background");   // it did not wait for all of them
  for (const auto& log : busy) log->disk.set();
  co_await let_others_run(executor);
}
// Property: a log that nobody waits for is synced, too, however many are waited for. Fails when those always come first.
TEST(Flush, nobody_is_forgotten) { on_executor(no_end_of_awaited); }

Task<void> gone_from_the_line(runtime::Executor& executor) {
  std::vector<std::string> begun;
  FlushScheduler flushes(executor);
  SlowLog stays(executor, "stays", begun);
  {
    SlowLog gone(executor, "gone", begun);
    flushes.request(gone, FlushUrgency::kAwaited);
    flushes.request(stays, FlushUrgency::kAwaited);
  }
  co_await let_others_run(executor);
  EXPECT_THAT(begun, ElementsAre("stays"));
  flushes.abort();
  EXPECT_FALSE(flushes.is_running());
  stays.disk.set();
  flushes.request(stays, FlushUrgency::kAwaited);
  co_await let_others_run(executor);
  EXPECT_EQ(stays.ended, 0);
}
// Property: a log that is destroyed leaves the line, and after abort() nothing is synced.
TEST(Flush, lets_go) { on_executor(gone_from_the_line); }

}  // namespace
}  // namespace weir::storage
