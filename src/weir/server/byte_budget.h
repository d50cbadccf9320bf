// How many bytes all connections together may make the broker hold, of requests and of answers.
//
// A budget is soft: who finds room takes all it needs, so that one large request never waits for room that cannot come. It
// counts; who uses it must ask `is_full` first.
//
// Owner    node. Shard    the broker shard.
// Holds    used() is the sum of all shares
#pragma once

#include <cstddef>

#include "weir/base/assert.h"
#include "weir/runtime/wait_queue.h"

namespace weir::server {

class ByteBudget {
 public:
  explicit ByteBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  size_t used() const { return used_; }
  size_t room() const { return used_ < bytes_max_ ? bytes_max_ - used_ : 0; }
  bool is_full() const { return used_ >= bytes_max_; }
  // Woken when a full budget has room again.
  runtime::WaitQueue& freed() { return freed_; }

 private:
  friend class BudgetShare;
  void take(size_t bytes) { used_ += bytes; }
  void give_back(size_t bytes) {
    WEIR_ASSERT(used_ >= bytes, used_, bytes);
    const bool was_full = is_full();
    used_ -= bytes;
    if (was_full && !is_full()) freed_.notify_all();
  }

  size_t bytes_max_;
  size_t used_ = 0;
  runtime::WaitQueue freed_;
};

// What one connection holds of a budget. All of it is given back in the end, however the connection ends.
class BudgetShare {
 public:
  explicit BudgetShare(ByteBudget& budget) : budget_(budget) {}
  BudgetShare(const BudgetShare&) = delete;
  BudgetShare& operator=(const BudgetShare&) = delete;
  ~BudgetShare() { give_back_all(); }

  size_t bytes() const { return bytes_; }
  void take(size_t bytes) {
    bytes_ += bytes;
    budget_.take(bytes);
  }
  void give_back(size_t bytes) {
    WEIR_ASSERT(bytes_ >= bytes, bytes_, bytes);
    bytes_ -= bytes;
    budget_.give_back(bytes);
  }
  void give_back_all() { give_back(bytes_); }

 private:
  ByteBudget& budget_;
  size_t bytes_ = 0;
};

struct ByteBudgets {
  ByteBudget requests;   // read and not answered yet
  ByteBudget answers;    // not sent yet
};

}  // namespace weir::server
