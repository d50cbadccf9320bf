// One thread with one loop, and how to reach it from another: a message carries values over, a reply carries values back.
//
//   const Result<Offset> end = co_await call(here, there, [=] { return log_end(partition); });          // a plain function
//   Result<Bytes> bytes = co_await call(here, there, [=] { return read_part(partition, offset); });     // a Task
//
// The callable runs on `there`'s thread and may touch what belongs to that shard; its captures and its result must be values
// (or things nobody else touches meanwhile). A Task it returns lives in `there`'s group of calls. The caller's frame must
// live until the reply: it does, unless its shard is torn down first, which a clean stop never does.
// Messages of one sender to one shard arrive in the order sent.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "weir/base/strong_id.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/task.h"
#include "weir/runtime/task_group.h"

namespace weir::runtime {

using ShardId = StrongId<struct ShardIdTag, int32_t>;

// Lives in the sender until delivered.
class ShardMessage {
 public:
  virtual void deliver() noexcept = 0;
  // The shard ended first; called at most once, on the thread that destroys the shard.
  virtual void discard() noexcept {}

 protected:
  ~ShardMessage() = default;
};

class Shard {
 public:
  virtual ~Shard() = default;
  virtual ShardId id() const = 0;
  virtual Executor& executor() = 0;
  // Delivers `message` in a later step of this shard. From any thread.
  virtual void post(ShardMessage& message) = 0;
  // Tasks that run here on behalf of other shards.
  virtual TaskGroup& calls() = 0;
};

namespace detail {

template <typename T>
struct CallResult {
  using Type = T;
  static constexpr bool kIsTask = false;
};
template <typename T>
struct CallResult<Task<T>> {
  using Type = T;
  static constexpr bool kIsTask = true;
};

template <typename Fn>
class Call final : ShardMessage {
 public:
  using Traits = CallResult<std::invoke_result_t<Fn&>>;
  using T = Traits::Type;
  using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  Call(Shard& from, Shard& to, Fn& fn) : from_(from), to_(to), fn_(fn), reply_(*this) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    awaiting_ = handle;
    to_.post(*this);
  }
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return std::move(*result_);
  }

 private:
  struct Reply final : ShardMessage {
    explicit Reply(Call& call) : call(call) {}
    void deliver() noexcept override { call.from_.executor().schedule(call.awaiting_); }
    Call& call;
  };

  void deliver() noexcept override {
    if constexpr (Traits::kIsTask) {
      to_.calls().spawn([](Call* call) { return call->run_task(); }, this);
    } else {
      if constexpr (std::is_void_v<T>) fn_();
      else result_.emplace(fn_());
      from_.post(reply_);
    }
  }
  // Touches nothing of the call after the reply is posted: the caller may be gone by then.
  Task<void> run_task() {
    if constexpr (std::is_void_v<T>) {
      co_await fn_();
    } else {
      result_.emplace(co_await fn_());
    }
    from_.post(reply_);
  }

  Shard& from_;
  Shard& to_;
  Fn& fn_;
  Reply reply_;
  std::coroutine_handle<> awaiting_;
  std::optional<Stored> result_;
};

}  // namespace detail

// Runs `fn` on `to` and resumes on `from` with its value. Called on `from`'s thread.
template <typename Fn>
auto call(Shard& from, Shard& to, Fn fn) -> Task<typename detail::Call<Fn>::T> {
  using T = typename detail::Call<Fn>::T;
  if constexpr (std::is_void_v<T>) {
    co_await detail::Call<Fn>(from, to, fn);
  } else {
    T result = co_await detail::Call<Fn>(from, to, fn);
    co_return result;
  }
}

}  // namespace weir::runtime
