// Owns tasks that nobody awaits in place: connections, background loops. Every spawned task belongs to exactly one group.
//
//   group.spawn(serve_connection, std::ref(server), std::move(stream));
//
// `spawn` starts the task in a later step of the loop. `join` waits for all of them. Destroying the group destroys the
// frames of tasks still running, wherever they are suspended: only a simulated crash does that; a clean stop requests stop,
// joins, then destroys.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "weir/base/intrusive_list.h"
#include "weir/runtime/event.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/task.h"

namespace weir::runtime {

class TaskGroup {
 public:
  explicit TaskGroup(Executor& executor) : executor_(executor) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() {
    while (!running_.empty()) running_.front().handle.destroy();
  }

  // `fn` is captureless (a function, a captureless lambda); `args` are moved into the task's frame.
  template <typename Fn, typename... Args>
  void spawn(Fn fn, Args... args) {
    static_assert(std::is_empty_v<Fn> || std::is_pointer_v<Fn>, "spawn takes a captureless callable and its arguments by value");
    start(run(*this, fn, std::move(args)...));
  }

  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }

  // Resolves when no task is left. Errors: kDeadlineExceeded, kCancelled.
  Task<Result<void>> join(Deadline deadline = Deadline::never(), StopToken stop = {}) {
    while (count_ > 0) {
      const Result<void> woken = co_await joiners_.wait(executor_, deadline, stop);
      if (!woken && count_ > 0) co_return woken;
    }
    co_return Result<void>();
  }

 private:
  struct Root {
    struct promise_type : ListHook, PooledFrame {
      TaskGroup* group = nullptr;
      std::coroutine_handle<> handle;

      ~promise_type() {
        if (group != nullptr) group->one_done();
      }
      Root get_return_object() {
        handle = std::coroutine_handle<promise_type>::from_promise(*this);
        return Root{this};
      }
      std::suspend_always initial_suspend() const noexcept { return {}; }
      std::suspend_never final_suspend() const noexcept { return {}; }  // the frame frees itself
      void return_void() const noexcept {}
      [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    };
    promise_type* promise;
  };

  template <typename Fn, typename... Args>
  static Root run(TaskGroup&, Fn fn, Args... args) {
    co_await fn(std::move(args)...);
  }
  void start(Root root) {
    root.promise->group = this;
    running_.push_back(*root.promise);
    ++count_;
    executor_.schedule(root.promise->handle);
  }
  void one_done() {
    WEIR_ASSERT(count_ > 0);
    if (--count_ == 0) joiners_.notify_all();
  }

  Executor& executor_;
  IntrusiveList<Root::promise_type> running_;
  size_t count_ = 0;
  WaitQueue joiners_;
};

}  // namespace weir::runtime
