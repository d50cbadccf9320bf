// A bounded queue between coroutines of one shard. Full: senders wait. Closed: sends fail, receives drain what is left.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "weir/runtime/wait_queue.h"

namespace weir::runtime {

template <typename T>
class Channel {
 public:
  explicit Channel(size_t capacity) : capacity_(capacity) { WEIR_ASSERT(capacity > 0); }

  // Errors: kUnavailable (closed), kDeadlineExceeded, kCancelled; `item` is lost on error.
  Task<Result<void>> send(Executor& executor, T item, Deadline deadline = Deadline::never(), StopToken stop = {}) {
    while (!closed_ && items_.size() >= capacity_) {
      const Result<void> woken = co_await senders_.wait(executor, deadline, stop);
      if (!woken) co_return woken;
    }
    if (closed_) co_return fail(ErrorCode::kUnavailable);
    items_.push_back(std::move(item));
    receivers_.notify_one();
    co_return Result<void>();
  }
  // False when full or closed; `item` is then untouched.
  bool try_send(T& item) {
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    receivers_.notify_one();
    return true;
  }
  // Errors: kUnavailable (closed and empty), kDeadlineExceeded, kCancelled.
  Task<Result<T>> receive(Executor& executor, Deadline deadline = Deadline::never(), StopToken stop = {}) {
    while (items_.empty()) {
      if (closed_) co_return fail(ErrorCode::kUnavailable);
      const Result<void> woken = co_await receivers_.wait(executor, deadline, stop);
      if (!woken) co_return fail(woken.error());
    }
    T item = std::move(items_.front());
    items_.pop_front();
    senders_.notify_one();
    if (!items_.empty()) receivers_.notify_one();
    co_return item;
  }
  void close() {
    closed_ = true;
    senders_.notify_all();
    receivers_.notify_all();
  }
  bool is_closed() const { return closed_; }
  size_t size() const { return items_.size(); }
  size_t capacity() const { return capacity_; }

 private:
  size_t capacity_;
  bool closed_ = false;
  std::deque<T> items_;
  WaitQueue senders_;
  WaitQueue receivers_;
};

}  // namespace weir::runtime
