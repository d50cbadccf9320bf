// RealLoop: order of timers, turns and hooks, messages from other threads, and sleep while there is nothing to do.
#include "weir/runtime/real/loop.h"

#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/runtime/real/disk.h"
#include "weir/runtime/real/file.h"
#include "weir/runtime/real/process.h"

namespace weir::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CollectingSink final : public LogSink {
 public:
  void write(LogLevel, std::string_view module, std::string_view line) override { lines.push_back(fmt::format("{}: {}", module, line)); }
  std::vector<std::string> lines;
};

// Property: timers fire in the order of their instants, never early.
TEST(RealLoop, timers_in_order) {
  RealLoop loop;
  TaskGroup group(loop);
  std::vector<int> order;
  const MonoTime start = loop.now();
  for (const int after : {3, 1, 2, 5, 4}) {
    group.spawn(
        [](RealLoop* loop, std::vector<int>* order, MonoTime start, int after) -> Task<void> {
          const MonoTime when = start + Duration(after * 2ms);
          const Result<void> slept = co_await sleep_until(*loop, when);
          EXPECT_TRUE(slept);
          EXPECT_GE(loop->now(), when);
          order->push_back(after);
          if (order->size() == 5) loop->stop();
        },
        &loop, &order, start, after);
  }
  loop.run();
  EXPECT_THAT(order, ElementsAre(1, 2, 3, 4, 5));
}

struct NoteHook final : TurnHook {
  std::vector<std::string>* events = nullptr;
  std::string name;
  TurnHook* then = nullptr;
  Executor* executor = nullptr;
  void on_turn_end() override {
    events->push_back(name);
    if (then != nullptr) executor->at_turn_end(*then);
  }
};

// Property: a hook runs once, after everything that was ready, and one queued by a hook runs in the same turn end.
TEST(RealLoop, hooks_run_when_nothing_is_ready) {
  RealLoop loop;
  TaskGroup group(loop);
  std::vector<std::string> events;
  NoteHook second{};
  second.events = &events;
  second.name = "second hook";
  NoteHook first{};
  first.events = &events;
  first.name = "first hook";
  first.then = &second;
  first.executor = &loop;
  group.spawn(
      [](RealLoop* loop, std::vector<std::string>* events, TurnHook* hook) -> Task<void> {
        loop->at_turn_end(*hook);
        loop->at_turn_end(*hook);
        events->push_back("one");
        co_await yield(*loop);
        events->push_back("next turn");
        loop->stop();
      },
      &loop, &events, &first);
  loop.run();
  EXPECT_THAT(events, ElementsAre("one", "first hook", "second hook", "next turn"));
}

// Property: a coroutine that never stops rescheduling itself does not keep timers and I/O out.
TEST(RealLoop, endless_work_leaves_room_for_timers) {
  RealLoop loop;
  TaskGroup group(loop);
  group.spawn(
      [](RealLoop* loop) -> Task<void> {
        for (;;) co_await yield(*loop);
      },
      &loop);
  group.spawn(
      [](RealLoop* loop) -> Task<void> {
        const Result<void> slept = co_await sleep_until(*loop, loop->now() + 1ms);
        EXPECT_TRUE(slept);
        loop->stop();
      },
      &loop);
  loop.run();
}

// Property: who yields lets timers and I/O in at each time. Fails when a turn goes on with those who yielded: work in a thousand pieces
// of a millisecond then holds up every connection for a second.
TEST(RealLoop, work_in_pieces_lets_others_in) {
  RealLoop loop;
  TaskGroup group(loop);
  int pieces = 0;
  int pieces_before_the_timer = -1;
  group.spawn(
      [](RealLoop* loop, int* pieces) -> Task<void> {
        for (; *pieces < 50; ++*pieces) {
          const auto begun = std::chrono::steady_clock::now();
          while (std::chrono::steady_clock::now() - begun < 2ms) continue;
          co_await yield(*loop);
        }
        loop->stop();
      },
      &loop, &pieces);
  group.spawn(
      [](RealLoop* loop, const int* pieces, int* before) -> Task<void> {
        EXPECT_TRUE(co_await sleep_until(*loop, loop->now() + 1ms));
        *before = *pieces;
      },
      &loop, &pieces, &pieces_before_the_timer);
  loop.run();
  EXPECT_GE(pieces_before_the_timer, 0);
  EXPECT_LT(pieces_before_the_timer, 10);
}

// Property: an idle loop sleeps: a timer 100 ms away costs a handful of wake-ups, not one per tick. Fails when anything polls.
TEST(RealLoop, sleeps_while_idle) {
  RealLoop loop;
  TaskGroup group(loop);
  group.spawn(
      [](RealLoop* loop) -> Task<void> {
        const Result<void> slept = co_await sleep_until(*loop, loop->now() + 100ms);
        EXPECT_TRUE(slept);
        loop->stop();
      },
      &loop);
  loop.run();
  EXPECT_LE(loop.counters().waits, 4u);
  EXPECT_LE(loop.counters().turns, 6u);
}

// Property: a far timer that is armed and disarmed again and again costs at most one early wake-up. Fails when the alarm is
// set anew each time and rings for timers that are gone.
TEST(RealLoop, disarmed_timers_wake_nobody) {
  RealLoop loop;
  TaskGroup group(loop);
  group.spawn(
      [](RealLoop* loop) -> Task<void> {
        WaitQueue queue;
        TaskGroup waiters(*loop);
        for (int i = 0; i < 1000; ++i) {
          waiters.spawn(
              [](RealLoop* loop, WaitQueue* queue) -> Task<void> {
                const Result<void> woken = co_await queue->wait(*loop, Deadline::at(loop->now() + 20ms));
                EXPECT_TRUE(woken || woken.error().code() == ErrorCode::kDeadlineExceeded);
              },
              loop, &queue);
          co_await yield(*loop);
          co_await yield(*loop);
          queue.notify_all();
        }
        const Result<void> joined = co_await waiters.join();
        EXPECT_TRUE(joined);
        const Result<void> slept = co_await sleep_until(*loop, loop->now() + 60ms);
        EXPECT_TRUE(slept);
        loop->stop();
      },
      &loop);
  loop.run();
  EXPECT_LE(loop.counters().waits, 6u);
}

struct CountingMessage final : ShardMessage {
  void deliver() noexcept override {
    EXPECT_EQ(std::this_thread::get_id(), home);
    EXPECT_EQ(*next, number);
    if (++*next == total) loop->stop();
  }
  std::thread::id home;
  RealLoop* loop = nullptr;
  int* next = nullptr;
  int number = 0;
  int total = 0;
};

// Property: messages posted from another thread all arrive, in order, on the loop's thread, also into a sleeping loop.
TEST(RealLoop, messages_from_another_thread) {
  RealLoop loop;
  int next = 0;
  constexpr int kMessages = 20'000;
  std::vector<CountingMessage> messages(kMessages);
  for (int i = 0; i < kMessages; ++i) {
    messages[static_cast<size_t>(i)].home = std::this_thread::get_id();
    messages[static_cast<size_t>(i)].loop = &loop;
    messages[static_cast<size_t>(i)].next = &next;
    messages[static_cast<size_t>(i)].number = i;
    messages[static_cast<size_t>(i)].total = kMessages;
  }
  std::thread sender([&] {
    for (CountingMessage& message : messages) {
      loop.post(message);
      if (message.number % 64 == 0) std::this_thread::yield();
    }
  });
  loop.run();
  sender.join();
  EXPECT_EQ(next, kMessages);
}

// Property: a turn that takes too long is counted and reported, at most once a second.
TEST(RealLoop, reports_stalls) {
  CollectingSink sink;
  RealLoop loop(Logger(sink, "runtime"));
  TaskGroup group(loop);
  group.spawn(
      [](RealLoop* loop) -> Task<void> {
        for (int i = 0; i < 3; ++i) {
          const timespec pause{0, 12'000'000};
          nanosleep(&pause, nullptr);
          const Result<void> next_turn = co_await sleep_until(*loop, loop->now() + 1ns);
          EXPECT_TRUE(next_turn);
        }
        loop->stop();
      },
      &loop);
  const MonoTime start = loop.now();
  loop.run();
  EXPECT_GE(loop.counters().stalls, 3u);
  EXPECT_GE(loop.counters().longest_turn, Duration(12ms));
  ASSERT_GE(sink.lines.size(), 1u);
  EXPECT_LE(static_cast<int64_t>(sink.lines.size()), 1 + (loop.now() - start) / Duration(1s));
  EXPECT_THAT(sink.lines[0], HasSubstr("held up"));
}

// Property: a loop that ends with messages undelivered tells each of them.
TEST(RealLoop, discards_what_it_never_delivered) {
  struct Discarded final : ShardMessage {
    void deliver() noexcept override { ADD_FAILURE() << "delivered"; }
    void discard() noexcept override { ++discards; }
    int discards = 0;
  };
  Discarded message;
  {
    RealLoop loop;
    loop.post(message);
  }
  EXPECT_EQ(message.discards, 1);
}

// Property: with much dirty, writes go on correctly on the pool, write-back settles the account, and all of it is there.
TEST(RealDisk, writes_beyond_the_dirty_bound) {
  RealProcess process;
  const std::string path = testing::TempDir() + "weir-dirty-" + std::to_string(::getpid());
  process.run(
      [](Environment& env, std::string path) -> Task<int> {
        const Result<std::unique_ptr<File>> file = co_await env.disk.open(path, OpenMode::kCreate);
        const Bytes block(4 << 20, std::byte{7});
        const ByteView part(block);
        const size_t blocks = kDirtyBytesMax / block.size() + 4;
        for (size_t i = 0; i < blocks; ++i) {
          const Result<void> written = co_await (*file)->write_at(i * block.size(), {&part, 1});
          EXPECT_TRUE(written);
        }
        const Result<void> synced = co_await (*file)->sync_data();
        EXPECT_TRUE(synced);
        EXPECT_EQ((*file)->size().value_or(0), blocks * block.size());
        Bytes last(16);
        const Result<size_t> count = co_await (*file)->read_at(blocks * block.size() - 16, last);
        EXPECT_TRUE(count && *count == 16 && last[15] == std::byte{7});
        co_return 0;
      },
      path);
  ::unlink(path.c_str());
}

// Property: errors of the system become the codes of disk.h with path and reason; a full disk is kNoSpace.
TEST(RealDisk, error_codes) {
  EXPECT_EQ(disk_failure("write to", "/d/f", ENOSPC).error().code(), ErrorCode::kNoSpace);
  EXPECT_EQ(disk_failure("write to", "/d/f", EDQUOT).error().code(), ErrorCode::kNoSpace);
  EXPECT_EQ(disk_failure("write to", "/d/f", EIO).error().code(), ErrorCode::kDiskError);
  EXPECT_EQ(disk_failure("open", "/d/f", EROFS).error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(disk_failure("open", "/d/f", EMFILE).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(disk_failure("open", "/d/f", EACCES).error().message(), "cannot open /d/f: Permission denied");
  RealProcess process;
  process.run([](Environment& env) -> Task<int> {
    const Result<std::unique_ptr<File>> full = co_await env.disk.open("/dev/full", OpenMode::kReadWrite);
    if (!full) co_return 0;
    const ByteView part = as_bytes("x");
    const Result<void> written = co_await (*full)->write_at(0, {&part, 1});
    EXPECT_FALSE(written);
    EXPECT_EQ(written.error().code(), ErrorCode::kNoSpace);
    co_return 0;
  });
}

// Property: a line is whole, with its level and module, and JSON survives quotes and line ends.
TEST(RealLogSink, formats) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  RealLogSink text(LogFormat::kText, ends[1]);
  RealLogSink json(LogFormat::kJson, ends[1]);
  text.write(LogLevel::kInfo, "server", "listening");
  json.write(LogLevel::kError, "server", "a \"quoted\"\nline");
  char buffer[1000];
  const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
  const std::string all(buffer, static_cast<size_t>(std::max<ssize_t>(count, 0)));
  EXPECT_THAT(all, testing::MatchesRegex("[0-9-]+ [0-9:.]+ INFO  server  listening\n.*\n"));
  EXPECT_THAT(all, HasSubstr(R"("level":"error","module":"server","message":"a \"quoted\"\u000aline"})"));
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace weir::runtime
