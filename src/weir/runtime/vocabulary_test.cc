// The coroutine vocabulary: TaskGroup, WaitQueue, Event, Semaphore, Channel, StopToken, TimerQueue, LocalShard.
#include <algorithm>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/prng.h"
#include "weir/runtime/channel.h"
#include "weir/runtime/local_shard.h"
#include "weir/runtime/manual_executor.h"
#include "weir/runtime/semaphore.h"

namespace weir::runtime {
namespace {

using testing::ElementsAre;

// What became of waits, by name.
struct Outcomes {
  std::vector<std::string> lines;
  void note(std::string_view who, const Result<void>& result) {
    lines.push_back(fmt::format("{} {}", who, result ? "ok" : name_of(result.error().code())));
  }
};

Task<void> wait_and_note(Executor* executor, WaitQueue* queue, Outcomes* outcomes, std::string who, Deadline deadline, StopToken stop) {
  const Result<void> woken = co_await queue->wait(*executor, deadline, stop);
  outcomes->note(who, woken);
}

// Property: each waiter ends exactly once, by whichever of notification, deadline and stop comes first, even when all three
// come in one step. Fails by a double resume (crash under the sanitizer) or a wrong reason.
TEST(WaitQueue, the_first_reason_wins) {
  ManualExecutor executor;
  Outcomes outcomes;
  WaitQueue queue;
  StopSource stop;
  TaskGroup group(executor);
  const Deadline soon = Deadline::at(executor.now() + 1ms);
  group.spawn(wait_and_note, &executor, &queue, &outcomes, std::string("a"), soon, stop.token());
  group.spawn(wait_and_note, &executor, &queue, &outcomes, std::string("b"), soon, stop.token());
  group.spawn(wait_and_note, &executor, &queue, &outcomes, std::string("c"), soon, StopToken());
  executor.run_ready();
  queue.notify_one();
  stop.request_stop();
  stop.request_stop();
  executor.advance(2ms);
  queue.notify_all();
  executor.run_ready();
  EXPECT_THAT(outcomes.lines, ElementsAre("a ok", "b CANCELLED", "c DEADLINE_EXCEEDED"));
  EXPECT_TRUE(group.empty());
}

// Property: a wait that is over before it begins does not suspend.
TEST(WaitQueue, past_deadline_and_stopped_token_end_at_once) {
  ManualExecutor executor;
  WaitQueue queue;
  StopSource stop;
  stop.request_stop();
  const auto wait = [](Executor* executor, WaitQueue* queue, Deadline deadline, StopToken token) -> Task<Result<void>> {
    co_return co_await queue->wait(*executor, deadline, token);
  };
  EXPECT_EQ(executor.run(wait(&executor, &queue, Deadline::at(executor.now()), {})).error().code(), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(executor.run(wait(&executor, &queue, Deadline::never(), stop.token())).error().code(), ErrorCode::kCancelled);
  EXPECT_TRUE(queue.empty());
}

// Property: destroying a group destroys waiting tasks and takes them out of queue, timers and stop source.
TEST(TaskGroup, destroyed_in_flight) {
  ManualExecutor executor;
  Outcomes outcomes;
  WaitQueue queue;
  StopSource stop;
  {
    TaskGroup group(executor);
    for (int i = 0; i < 10; ++i) {
      group.spawn(wait_and_note, &executor, &queue, &outcomes, std::to_string(i), Deadline::at(executor.now() + 1ms), stop.token());
    }
    executor.run_ready();
    EXPECT_EQ(group.size(), 10u);
    EXPECT_FALSE(queue.empty());
  }
  EXPECT_TRUE(queue.empty());
  stop.request_stop();
  executor.advance(1s);
  EXPECT_TRUE(outcomes.lines.empty());
}

// Property: join resolves when the last task ends, gives up at its deadline, and an empty group joins at once.
TEST(TaskGroup, join) {
  ManualExecutor executor;
  TaskGroup group(executor);
  const auto join = [](TaskGroup* group, Deadline deadline) -> Task<Result<void>> { co_return co_await group->join(deadline); };
  EXPECT_TRUE(executor.run(join(&group, Deadline::never())));
  Event event;
  group.spawn(
      [](Executor* executor, Event* event) -> Task<void> {
        const Result<void> woken = co_await event->wait(*executor);
        EXPECT_TRUE(woken);
      },
      &executor, &event);
  EXPECT_EQ(executor.run(join(&group, Deadline::at(executor.now() + 1ms))).error().code(), ErrorCode::kDeadlineExceeded);
  event.set();
  EXPECT_TRUE(executor.run(join(&group, Deadline::never())));
}

Task<void> acquire_and_note(Executor* executor, Semaphore* semaphore, Outcomes* outcomes, std::string who, int64_t count,
                            Deadline deadline, StopToken stop) {
  const Result<void> got = co_await semaphore->acquire(*executor, count, deadline, stop);
  outcomes->note(who, got);
}

// Property: permits are granted in the order asked, a large request included. Fails when small requests behind a large one
// overtake it: under load it would then wait for ever.
TEST(Semaphore, first_come_first_served) {
  ManualExecutor executor;
  Outcomes outcomes;
  Semaphore semaphore(4);
  EXPECT_TRUE(semaphore.try_acquire(3));
  TaskGroup group(executor);
  const auto ask = [&](std::string who, int64_t count) {
    group.spawn(acquire_and_note, &executor, &semaphore, &outcomes, std::move(who), count, Deadline::never(), StopToken());
    executor.run_ready();
  };
  ask("first", 1);
  ask("large", 3);
  ask("small", 1);
  for (int i = 0; i < 3; ++i) {
    semaphore.release();
    EXPECT_FALSE(semaphore.try_acquire());
    executor.run_ready();
  }
  EXPECT_THAT(outcomes.lines, ElementsAre("first ok", "large ok"));
  semaphore.release();
  executor.run_ready();
  EXPECT_THAT(outcomes.lines, ElementsAre("first ok", "large ok", "small ok"));
  EXPECT_EQ(semaphore.available(), 0);
}

// Property: who gives up in the line lets those behind go on, and loses no permit.
TEST(Semaphore, giving_up_makes_way) {
  ManualExecutor executor;
  Outcomes outcomes;
  Semaphore semaphore(2);
  EXPECT_TRUE(semaphore.try_acquire(1));
  StopSource stop;
  TaskGroup group(executor);
  group.spawn(acquire_and_note, &executor, &semaphore, &outcomes, std::string("large"), int64_t{2}, Deadline::never(), stop.token());
  group.spawn(acquire_and_note, &executor, &semaphore, &outcomes, std::string("late"), int64_t{2}, Deadline::at(executor.now() + 1ms), StopToken());
  group.spawn(acquire_and_note, &executor, &semaphore, &outcomes, std::string("small"), int64_t{1}, Deadline::never(), StopToken());
  executor.run_ready();
  stop.request_stop();
  executor.advance(1ms);
  EXPECT_THAT(outcomes.lines, ElementsAre("large CANCELLED", "late DEADLINE_EXCEEDED", "small ok"));
  semaphore.release(1);
  EXPECT_EQ(semaphore.available(), 1);
}

// Property: whatever happens in whatever order, permits are neither lost nor made. A model test against a counter.
TEST(Semaphore, permits_are_conserved) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Prng prng(seed);
    ManualExecutor executor;
    Semaphore semaphore(5);
    StopSource stop;
    TaskGroup group(executor);
    int64_t held = 0;
    for (int i = 0; i < 200; ++i) {
      group.spawn(
          [](Executor* executor, Semaphore* semaphore, int64_t* held, int64_t count, Duration patience, Duration work) -> Task<void> {
            const Result<void> got = co_await semaphore->acquire(*executor, count, Deadline::at(executor->now() + patience));
            if (!got) co_return;
            *held += count;
            EXPECT_LE(*held, 5);
            const Result<void> slept = co_await sleep_until(*executor, executor->now() + work);
            EXPECT_TRUE(slept);
            *held -= count;
            semaphore->release(count);
          },
          &executor, &semaphore, &held, prng.between(1, 5), Duration(prng.between(1, 50)), Duration(prng.between(1, 20)));
      executor.advance(Duration(prng.between(0, 5)));
    }
    executor.advance(1s);
    for (int i = 0; i < 500 && !group.empty(); ++i) executor.advance(Duration(20));
    EXPECT_TRUE(group.empty()) << "seed " << seed;
    EXPECT_EQ(semaphore.available(), 5) << "seed " << seed;
  }
}

// Property: items come out in the order in which they went in, senders wait while it is full, and after close what is left is
// still received.
TEST(Channel, bounded_ordered_and_drained_after_close) {
  ManualExecutor executor;
  Channel<std::unique_ptr<int>> channel(2);
  TaskGroup group(executor);
  group.spawn(
      [](Executor* executor, Channel<std::unique_ptr<int>>* channel) -> Task<void> {
        for (int i = 0; i < 100; ++i) {
          const Result<void> sent = co_await channel->send(*executor, std::make_unique<int>(i));
          EXPECT_TRUE(sent);
          EXPECT_LE(channel->size(), 2u);
        }
        channel->close();
      },
      &executor, &channel);
  executor.run_ready();
  EXPECT_EQ(channel.size(), 2u);
  const int received = executor.run([](Executor* executor, Channel<std::unique_ptr<int>>* channel) -> Task<int> {
    for (int i = 0;; ++i) {
      const Result<std::unique_ptr<int>> item = co_await channel->receive(*executor);
      if (!item) {
        EXPECT_EQ(item.error().code(), ErrorCode::kUnavailable);
        co_return i;
      }
      EXPECT_EQ(**item, i);
    }
  }(&executor, &channel));
  EXPECT_EQ(received, 100);
  auto item = std::make_unique<int>(1);
  EXPECT_FALSE(channel.try_send(item));
  EXPECT_NE(item, nullptr);
}

// Property: every waiting receiver gets an item when there are enough. Fails on a lost wake-up.
TEST(Channel, many_receivers) {
  ManualExecutor executor;
  Channel<int> channel(3);
  TaskGroup group(executor);
  int total = 0;
  for (int i = 0; i < 20; ++i) {
    group.spawn(
        [](Executor* executor, Channel<int>* channel, int* total) -> Task<void> {
          const Result<int> item = co_await channel->receive(*executor);
          *total += item.value_or(0);
        },
        &executor, &channel, &total);
  }
  executor.run_ready();
  for (int i = 0; i < 20; ++i) {
    group.spawn(
        [](Executor* executor, Channel<int>* channel) -> Task<void> {
          const Result<void> sent = co_await channel->send(*executor, 1);
          EXPECT_TRUE(sent);
        },
        &executor, &channel);
  }
  executor.run_ready();
  EXPECT_EQ(total, 20);
  EXPECT_TRUE(group.empty());
}

struct NotedTimer final : Timer {
  int id = 0;
  std::vector<int>* fired = nullptr;
  void on_fire() override { fired->push_back(id); }
};

// Property: the heap fires what a list sorted by (instant, order armed) would, under any mix of arm, re-arm, disarm and time.
TEST(TimerQueue, fires_like_a_sorted_list) {
  struct Reference {
    MonoTime when;
    uint64_t order;
    int id;
  };
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Prng prng(seed);
    ManualExecutor executor;
    std::vector<int> fired;
    std::vector<std::unique_ptr<NotedTimer>> timers;
    for (int i = 0; i < 50; ++i) {
      timers.push_back(std::make_unique<NotedTimer>());
      timers.back()->id = i;
      timers.back()->fired = &fired;
    }
    std::vector<Reference> reference;
    std::vector<int> expected;
    uint64_t order = 0;
    for (int step = 0; step < 2000; ++step) {
      const int id = static_cast<int>(prng.below(timers.size()));
      const auto forget = [&] { std::erase_if(reference, [&](const Reference& r) { return r.id == id; }); };
      switch (prng.below(4)) {
        case 0:
        case 1: {
          const MonoTime when = executor.now() + Duration(prng.between(0, 40));
          forget();
          executor.arm(*timers[static_cast<size_t>(id)], when);
          reference.push_back({when, order++, id});
          break;
        }
        case 2:
          forget();
          timers[static_cast<size_t>(id)]->disarm();
          break;
        case 3:
          executor.advance(Duration(prng.between(0, 10)));
          std::ranges::sort(reference, [](const Reference& a, const Reference& b) {
            return a.when != b.when ? a.when < b.when : a.order < b.order;
          });
          while (!reference.empty() && reference.front().when <= executor.now()) {
            expected.push_back(reference.front().id);
            reference.erase(reference.begin());
          }
      }
      ASSERT_EQ(fired, expected) << "seed " << seed << " step " << step;
    }
  }
}

// Property: a timer that arms itself again for now waits for the next look, so a loop cannot get stuck in one turn.
TEST(TimerQueue, re_arming_for_now_waits) {
  struct Again final : Timer {
    explicit Again(Executor& executor) : executor(executor) {}
    void on_fire() override {
      ++fired;
      executor.arm(*this, executor.now());
    }
    Executor& executor;
    int fired = 0;
  };
  ManualExecutor executor;
  Again again(executor);
  executor.arm(again, executor.now());
  executor.advance(Duration(0));
  EXPECT_EQ(again.fired, 1);
  executor.advance(Duration(0));
  EXPECT_EQ(again.fired, 2);
}

// Property: one that arms itself again for the past does not hold up the others that are due. Fails when it comes first in every look:
// the others then wait for ever.
TEST(TimerQueue, re_arming_for_the_past_holds_up_nobody) {
  struct Again final : Timer {
    explicit Again(Executor& executor) : executor(executor) {}
    void on_fire() override { executor.arm(*this, MonoTime{1}); }
    Executor& executor;
  };
  ManualExecutor executor;
  std::vector<int> fired;
  Again again(executor);
  executor.arm(again, MonoTime{1});
  NotedTimer other;
  other.id = 7;
  other.fired = &fired;
  executor.arm(other, executor.now());
  executor.advance(Duration(0));
  EXPECT_THAT(fired, ElementsAre(7));
}

// Property: stop callbacks run once, at once, and not after they were detached or destroyed, even by one another.
TEST(StopToken, callbacks) {
  struct Other final : StopCallback {
    int ran = 0;
    void on_stop() override { ++ran; }
  };
  struct Detaches final : StopCallback {
    Other* other = nullptr;
    void on_stop() override { other->detach(); }
  };
  StopSource source;
  Other kept;
  Other dropped;
  Detaches detaches;
  detaches.other = &dropped;
  EXPECT_TRUE(detaches.attach(source.token()));
  EXPECT_TRUE(dropped.attach(source.token()));
  EXPECT_TRUE(kept.attach(source.token()));
  { Other gone; EXPECT_TRUE(gone.attach(source.token())); }
  source.request_stop();
  source.request_stop();
  EXPECT_EQ(kept.ran, 1);
  EXPECT_EQ(dropped.ran, 0);
  Other late;
  EXPECT_FALSE(late.attach(source.token()));
  EXPECT_TRUE(late.attach(StopToken()));
}

// Property: a call between shards of one loop gives the value, in a later step, for plain functions and tasks.
TEST(LocalShard, calls) {
  ManualExecutor executor;
  LocalShard a(ShardId(0), executor);
  LocalShard b(ShardId(1), executor);
  const auto both = [](Shard* a, Shard* b) -> Task<std::string> {
    const std::string plain = co_await call(*a, *b, [] { return std::string("plain"); });
    const std::string task = co_await call(*a, *b, [b]() -> Task<std::string> {
      co_await sleep_until(b->executor(), b->executor().now() + 1ms);
      co_return "task";
    });
    bool ran = false;
    co_await call(*a, *b, [&ran] { ran = true; });
    co_return plain + " " + task + (ran ? " ran" : "");
  };
  EXPECT_EQ(executor.run(both(&a, &b)), "plain task ran");
}

}  // namespace
}  // namespace weir::runtime
