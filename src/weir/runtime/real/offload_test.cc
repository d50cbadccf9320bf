// The pool of threads.
#include "weir/runtime/real/offload.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "weir/runtime/real/process.h"

namespace weir::runtime {
namespace {

// Opened once so many have come to it.
class Gate {
 public:
  explicit Gate(int needed) : needed_(needed) {}
  // Whether it opened within a time that no machine needs.
  bool pass() {
    std::unique_lock lock(mutex_);
    --needed_;
    changed_.notify_all();
    return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return needed_ <= 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int needed_;
};

Task<void> meet(Environment* env, Gate* gate, int* met) {
  const bool passed = co_await env->offload.run(env->executor, [gate] { return gate->pass(); });
  if (passed) ++*met;
}

// Property: jobs that come together run together, up to the threads there may be. Fails when a thread that was woken for the first
// counts as idle for the second too, which then waits behind it: two syncs take the time of two.
TEST(RealOffload, jobs_that_come_together_run_together) {
  RealProcess process({.offload_threads = 2});
  process.run([](Environment& env) -> Task<int> {
    const int warm = co_await env.offload.run(env.executor, [] { return 1; });  // leaves one idle thread
    EXPECT_EQ(warm, 1);
    co_await sleep_until(env.executor, env.executor.now() + 20ms);
    Gate gate(2);
    int met = 0;
    TaskGroup group(env.executor);
    for (int i = 0; i < 2; ++i) group.spawn(&meet, &env, &gate, &met);
    const Result<void> joined = co_await group.join();
    EXPECT_TRUE(joined);
    EXPECT_EQ(met, 2);
    co_return 0;
  });
}

}  // namespace
}  // namespace weir::runtime
