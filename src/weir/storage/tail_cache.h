// The newest batches of all logs of a shard, in memory: the very buffers produce received, within one budget.
//
// Owner    LogManager; each Log has a LogTail in it.
// Holds    - the batches of a LogTail are consecutive and end at the log's end
//          - the budget is charged with whole pinned blocks, each once; batches much smaller than their block are copied into
//            an arena first, so that a small batch does not pin a big buffer
//          - the oldest batch of all logs goes first
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "weir/base/bytes.h"
#include "weir/base/ids.h"
#include "weir/base/intrusive_list.h"

namespace weir::storage {

class LogTail;

class TailCache {
 public:
  explicit TailCache(size_t bytes_max) : bytes_max_(bytes_max) {}
  TailCache(const TailCache&) = delete;
  TailCache& operator=(const TailCache&) = delete;

  // `batch` itself, or a copy in the arena when it is small and pins much more than its size.
  SharedBytes settle(SharedBytes batch);
  size_t bytes_charged() const { return bytes_charged_; }

 private:
  friend class LogTail;
  struct Entry : ListHook {
    Entry(LogTail& tail, Offset base, Offset last, SharedBytes bytes) : owner(tail), base_offset(base), last_offset(last), bytes(std::move(bytes)) {}
    LogTail& owner;
    Offset base_offset;
    Offset last_offset;
    SharedBytes bytes;
    size_t charge = 0;
  };
  void admit(Entry& entry);
  void release(Entry& entry);

  size_t bytes_max_;
  size_t bytes_charged_ = 0;
  IntrusiveList<Entry> entries_;   // oldest first
  Entry* newest_ = nullptr;
  SharedBytes arena_;
  size_t arena_used_ = 0;
};

class LogTail {
 public:
  explicit LogTail(TailCache& cache) : cache_(cache) {}
  LogTail(const LogTail&) = delete;
  LogTail& operator=(const LogTail&) = delete;
  ~LogTail() { clear(); }

  void push(Offset base_offset, Offset last_offset, SharedBytes batch);
  void clear();
  // Drops batches that reach `offset` or beyond.
  void truncate(Offset offset);

  bool empty() const { return entries_.empty(); }
  // The first offset that is here; meaningless when empty().
  Offset begin_offset() const { return entries_.front().base_offset; }
  // Calls take(base_offset, last_offset, bytes) for the batches from the one that ends at or after `from`, until it says false.
  template <typename Take>
  void visit(Offset from, Take take) const {
    size_t low = 0;
    for (size_t high = entries_.size(); low < high;) {
      const size_t middle = low + (high - low) / 2;
      if (entries_[middle].last_offset < from) low = middle + 1;
      else high = middle;
    }
    for (; low < entries_.size(); ++low) {
      const TailCache::Entry& entry = entries_[low];
      if (!take(entry.base_offset, entry.last_offset, entry.bytes)) return;
    }
  }

 private:
  friend class TailCache;
  TailCache& cache_;
  std::deque<TailCache::Entry> entries_;
};

}  // namespace weir::storage
