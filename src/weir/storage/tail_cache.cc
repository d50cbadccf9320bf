#include "weir/storage/tail_cache.h"

#include <cstring>

#include "weir/base/assert.h"

namespace weir::storage {
namespace {

constexpr size_t kSmallBatchBytes = 4096;   // below this a batch is copied rather than pin a block twice its size
constexpr size_t kArenaBytes = 64 << 10;

}  // namespace

SharedBytes TailCache::settle(SharedBytes batch) {
  if (batch.size() >= kSmallBatchBytes || batch.pinned_bytes() <= 2 * batch.size()) return batch;
  if (arena_.size() - arena_used_ < batch.size()) {
    arena_ = SharedBytes::allocate(kArenaBytes);
    arena_used_ = 0;
  }
  std::memcpy(arena_.mutable_view().data() + arena_used_, batch.data(), batch.size());
  SharedBytes copy = arena_.slice(arena_used_, batch.size());
  arena_used_ += batch.size();
  return copy;
}

void TailCache::admit(Entry& entry) {
  // Batches of one block come one after another, so it is enough to look at the newest entry.
  const bool shared = newest_ != nullptr && newest_->bytes.block() == entry.bytes.block();
  entry.charge = shared ? 0 : entry.bytes.pinned_bytes();
  bytes_charged_ += entry.charge;
  entries_.push_back(entry);
  newest_ = &entry;
  while (bytes_charged_ > bytes_max_ && !entries_.empty()) {
    Entry& oldest = entries_.front();
    LogTail& owner = oldest.owner;
    WEIR_ASSERT(&owner.entries_.front() == &oldest);
    release(oldest);
    owner.entries_.pop_front();
  }
}

void TailCache::release(Entry& entry) {
  // The charge of a block stays as long as a neighbour pins it.
  Entry* next = entries_.next(entry);
  if (entry.charge > 0 && next != nullptr && next->bytes.block() == entry.bytes.block()) {
    next->charge += entry.charge;
  } else {
    bytes_charged_ -= entry.charge;
  }
  if (newest_ == &entry) newest_ = entries_.previous(entry);
  entry.unlink();
}

void LogTail::push(Offset base_offset, Offset last_offset, SharedBytes batch) {
  WEIR_ASSERT(entries_.empty() || entries_.back().last_offset < base_offset, base_offset);
  cache_.admit(entries_.emplace_back(*this, base_offset, last_offset, std::move(batch)));
}

void LogTail::clear() {
  while (!entries_.empty()) {
    cache_.release(entries_.back());
    entries_.pop_back();
  }
}

void LogTail::truncate(Offset offset) {
  while (!entries_.empty() && entries_.back().last_offset >= offset) {
    cache_.release(entries_.back());
    entries_.pop_back();
  }
}

}  // namespace weir::storage
