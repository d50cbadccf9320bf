// How many bytes all connections together may make the broker hold, of requests and of answers.
//
// A budget is soft: who finds room takes all it needs, so that one large request never waits for room that cannot come. It
// counts; who uses it must ask `is_full` first, and give back what it took.
//
// Owner    node. Shard    the broker shard.
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
  void take(size_t bytes) { used_ += bytes; }
  void give_back(size_t bytes) {
    WEIR_ASSERT(used_ >= bytes, used_, bytes);
    const bool was_full = is_full();
    used_ -= bytes;
    if (was_full && !is_full()) freed_.notify_all();
  }
  // Woken when a full budget has room again.
  runtime::WaitQueue& freed() { return freed_; }

 private:
  size_t bytes_max_;
  size_t used_ = 0;
  runtime::WaitQueue freed_;
};

struct ByteBudgets {
  ByteBudget requests;   // read and not answered yet
  ByteBudget answers;    // not sent yet
};

}  // namespace weir::server
