// RealProcess as its users see it: a coroutine main with network, disk and several shards.
#include "weir/runtime/real/process.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

namespace weir::runtime {
namespace {

std::string temporary_dir() {
  std::string pattern = testing::TempDir() + "weir-process-XXXXXX";
  return ::mkdtemp(pattern.data());
}

// Property: main's result is the exit code, and it may use the disk. Fails when run() does not end with main.
TEST(RealProcess, runs_main_with_a_disk) {
  RealProcess process;
  const std::string dir = temporary_dir();
  const int code = process.run(
      [](Environment& env, std::string dir) -> Task<int> {
        const Result<void> written = co_await write_file_atomically(env.disk, dir + "/greeting", to_bytes("hello"));
        EXPECT_TRUE(written) << written.error().describe();
        const Result<Bytes> read = co_await read_file(env.disk, dir + "/greeting", 100);
        EXPECT_TRUE(read) << read.error().describe();
        co_return read && as_text(*read) == "hello" ? 7 : 1;
      },
      dir);
  EXPECT_EQ(code, 7);
  std::filesystem::remove_all(dir);
}

// Property: a second run of the same process works. Fails when a stop of the first leaks into it.
TEST(RealProcess, runs_again) {
  RealProcess process;
  for (int round = 0; round < 3; ++round) {
    const int code = process.run([](Environment&, int round) -> Task<int> { co_return round; }, round);
    EXPECT_EQ(code, round);
  }
}

// Property: a call runs on the other shard's thread and its value comes back to the caller's; plain functions and tasks alike.
// Fails (under the thread sanitizer too) when a message touches the caller's shard from the other thread.
TEST(RealProcess, calls_between_shards) {
  RealProcess process({.shards = 2});
  const int code = process.run(
      [](Environment& env, RealProcess* process) -> Task<int> {
        RealShard& here = process->shard(0);
        RealShard& there = process->shard(1);
        const auto home = std::this_thread::get_id();
        int wrong = 0;
        for (int i = 0; i < 2000; ++i) {
          const auto thread = co_await call(here, there, [] { return std::this_thread::get_id(); });
          const std::string text = co_await call(here, there, [i, &there]() -> Task<std::string> {
            co_await yield(there.executor());
            co_return std::to_string(i);
          });
          if (thread == home || text != std::to_string(i) || std::this_thread::get_id() != home) ++wrong;
        }
        int count = 0;
        co_await call(here, there, [&count] { ++count; });
        co_return wrong + (count == 1 ? 0 : 100);
      },
      &process);
  EXPECT_EQ(code, 0);
}

// Property: many calls both ways at once all return. Fails on a lost wake-up: the test then hangs.
TEST(RealProcess, calls_cross_in_both_directions) {
  RealProcess process({.shards = 2});
  const int code = process.run(
      [](Environment& env, RealProcess* process) -> Task<int> {
        TaskGroup group(env.executor);
        int done = 0;
        for (int i = 0; i < 200; ++i) {
          group.spawn(
              [](RealProcess* process, int i, int* done) -> Task<void> {
                RealShard& here = process->shard(0);
                RealShard& there = process->shard(1);
                const int value = co_await call(here, there, [&here, &there, i]() -> Task<int> {
                  co_return co_await call(there, here, [i] { return i; });
                });
                if (value == i) ++*done;
              },
              process, i, &done);
        }
        const Result<void> joined = co_await group.join();
        EXPECT_TRUE(joined);
        co_return done;
      },
      &process);
  EXPECT_EQ(code, 200);
}

// Property: a signal held back reaches the coroutine that waits for it. Fails when it kills the process instead.
TEST(RealProcess, delivers_signals) {
  RealProcess process({.holds_signals = true});
  const int code = process.run(
      [](Environment& env, RealProcess* process) -> Task<int> {
        Signals signals(process->loop());
        ::kill(::getpid(), SIGTERM);
        const Result<int> signal = co_await signals.next();
        signals.close();
        const Result<int> closed = co_await signals.next();
        EXPECT_EQ(closed.error().code(), ErrorCode::kCancelled);
        co_return signal.value_or(-1);
      },
      &process);
  EXPECT_EQ(code, SIGTERM);
}

// Property: offloaded work runs on other threads and every result comes back to its own coroutine, also when there are more
// jobs than the pool may queue. Fails when a job is lost or a handle is resumed on a pool thread.
TEST(RealProcess, offloads_from_many_coroutines) {
  RealProcess process;
  const int code = process.run([](Environment& env) -> Task<int> {
    TaskGroup group(env.executor);
    constexpr int kJobs = static_cast<int>(kOffloadJobsMax) + 500;
    int right = 0;
    for (int i = 0; i < kJobs; ++i) {
      group.spawn(
          [](Environment* env, int i, int* right) -> Task<void> {
            const auto home = std::this_thread::get_id();
            const int squared = co_await env->offload.run(env->executor, [i] { return i * 2; });
            if (squared == i * 2 && std::this_thread::get_id() == home) ++*right;
          },
          &env, i, &right);
    }
    const Result<void> joined = co_await group.join();
    EXPECT_TRUE(joined);
    co_return right == kJobs ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace weir::runtime
