// Work that would hold up a shard: compression, deep validation, recovery scans. Real: a small pool of threads.
// Simulated: runs inline after a sampled delay.
//
//   Result<Bytes> packed = co_await offload.run(executor, [&] { return codecs.compress(...); });
//
// The callable runs on another thread: it may touch only what its caller leaves alone until the await is over.
#pragma once

#include <optional>
#include <utility>

#include "weir/runtime/executor.h"
#include "weir/runtime/task.h"

namespace weir::runtime {

// A piece of work and where to go on after it. Lives in the awaiting frame.
class OffloadJob {
 public:
  virtual void run() noexcept = 0;
  std::coroutine_handle<> awaiting;

 protected:
  ~OffloadJob() = default;
};

class Offload {
 public:
  virtual ~Offload() = default;

  // Runs job.run() elsewhere, then schedules job.awaiting on `executor`.
  virtual void submit(Executor& executor, OffloadJob& job) = 0;

  template <typename Fn>
  auto run(Executor& executor, Fn fn) -> Task<decltype(fn())> {
    using T = decltype(fn());
    struct Awaiter final : OffloadJob {
      Awaiter(Offload& offload, Executor& executor, Fn& fn) : offload(offload), executor(executor), fn(fn) {}
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        awaiting = handle;
        offload.submit(executor, *this);
      }
      T await_resume() { return std::move(*result); }
      void run() noexcept override { result.emplace(fn()); }
      Offload& offload;
      Executor& executor;
      Fn& fn;
      std::optional<T> result;
    };
    T result = co_await Awaiter(*this, executor, fn);
    co_return result;
  }
};

}  // namespace weir::runtime
