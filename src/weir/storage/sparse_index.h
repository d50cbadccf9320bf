// A sparse index of one segment: sorted entries of fixed size, the older ones in the file, the newer ones in memory until they
// are written. OffsetIndex and TimeIndex are made of it.
//
// Owner    Segment.
// Format   docs/formats/indexes.md
// Holds    - entries rise strictly by key from the first in the file to the last in memory
//          - the file holds exactly in_file() valid entries; what may lie behind them (zeros of a Kafka that crashed) is cut
//            when the segment is recovered or written
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/assert.h"
#include "weir/base/bytes.h"
#include "weir/base/endian.h"
#include "weir/storage/file_cache.h"

namespace weir::storage {

// "Batch whose last offset is base + relative_offset begins at `position` of the .log file."
struct OffsetEntry {
  static constexpr size_t kBytes = 8;
  int32_t relative_offset = 0;
  int32_t position = 0;

  int64_t key() const { return relative_offset; }
  void encode(std::byte* to) const {
    store_be(to, relative_offset);
    store_be(to + 4, position);
  }
  static OffsetEntry decode(const std::byte* from) { return {load_be<int32_t>(from), load_be<int32_t>(from + 4)}; }
  friend bool operator==(const OffsetEntry&, const OffsetEntry&) = default;
};

// "Up to the batch whose last offset is base + relative_offset, `timestamp` is the largest so far."
struct TimeEntry {
  static constexpr size_t kBytes = 12;
  TimestampMs timestamp = 0;
  int32_t relative_offset = 0;

  int64_t key() const { return timestamp; }
  void encode(std::byte* to) const {
    store_be(to, timestamp);
    store_be(to + 8, relative_offset);
  }
  static TimeEntry decode(const std::byte* from) { return {load_be<int64_t>(from), load_be<int32_t>(from + 8)}; }
  friend bool operator==(const TimeEntry&, const TimeEntry&) = default;
};

template <typename Entry>
class SparseIndex {
 public:
  // `file_bytes` of the file on disk; a last partial entry does not count.
  void start(size_t file_bytes) { in_file_ = file_bytes / Entry::kBytes; }

  size_t entries() const { return in_file_ + tail_.size(); }
  size_t in_file() const { return in_file_; }
  size_t unwritten() const { return tail_.size(); }
  // The newest entry when it is in memory.
  std::optional<Entry> newest() const { return tail_.empty() ? last_in_file_ : std::optional<Entry>(tail_.back()); }
  void append(Entry entry) {
    WEIR_ASSERT(!newest() || newest()->key() < entry.key(), entry.key());
    tail_.push_back(entry);
  }
  // Forgets everything; the file is cut by the next write().
  void reset() {
    in_file_ = 0;
    last_in_file_.reset();
    tail_.clear();
  }

  // All entries anew; the file is cut and written by the next write().
  void replace(std::vector<Entry> entries) {
    reset();
    tail_ = std::move(entries);
  }
  // The entries of one that was never written.
  std::vector<Entry> take() && {
    WEIR_ASSERT(in_file_ == 0, in_file_);
    return std::move(tail_);
  }
  // Whether an entry that a search gave came from the file: only there can it be damaged.
  bool is_from_file(const Entry& entry) const { return tail_.empty() || entry.key() < tail_.front().key(); }

  // The last entry, read from the file if need be.
  runtime::Task<Result<std::optional<Entry>>> load_newest(FileCache& files, std::string path);
  // The last entry for which `goes_before(entry)`; true for all entries up to some place and false after it.
  template <typename Before>
  runtime::Task<Result<std::optional<Entry>>> last_where(FileCache& files, std::string path, Before goes_before);
  // Moves what is in memory to the file, created if need be, and cuts what lies behind it there. One call at a time; entries
  // appended meanwhile stay in memory.
  runtime::Task<Result<void>> write(FileCache& files, std::string path);
  // Drops entries from the first for which `gone(entry)`, in memory and in the file.
  template <typename Gone>
  runtime::Task<Result<void>> truncate(FileCache& files, std::string path, Gone gone);
  runtime::Task<Result<void>> sync(FileCache& files, std::string path);
  void close_file() { handle_.close(); }

 private:
  static constexpr size_t kReadEntries = 512;   // of the file, once the search has come close

  FileCache::Handle handle_;
  size_t in_file_ = 0;
  std::optional<Entry> last_in_file_;   // when known
  std::vector<Entry> tail_;
};

template <typename Entry>
runtime::Task<Result<std::optional<Entry>>> SparseIndex<Entry>::load_newest(FileCache& files, std::string path) {
  if (!newest() && in_file_ > 0) {
    WEIR_CO_TRY(const auto found, co_await last_where(files, std::move(path), [](const Entry&) { return true; }));
    last_in_file_ = found;
  }
  co_return newest();
}

template <typename Entry>
template <typename Before>
runtime::Task<Result<std::optional<Entry>>> SparseIndex<Entry>::last_where(FileCache& files, std::string path, Before goes_before) {
  if (!tail_.empty() && goes_before(tail_.front())) {
    co_return *std::prev(std::partition_point(tail_.begin(), tail_.end(), goes_before));
  }
  if (in_file_ == 0) co_return std::nullopt;
  WEIR_CO_TRY(const auto file, co_await files.get(handle_, std::move(path), runtime::OpenMode::kReadWrite));
  // [0, low) go before, [high, in_file) do not.
  size_t low = 0;
  size_t high = in_file_;
  while (high - low > kReadEntries) {
    const size_t middle = low + (high - low) / 2;
    std::byte bytes[Entry::kBytes];
    WEIR_CO_TRY(const size_t count, co_await file->read_at(middle * Entry::kBytes, bytes));
    if (count < sizeof bytes) co_return fail(ErrorCode::kCorruptMessage, "index file is shorter than it was");
    if (goes_before(Entry::decode(bytes))) low = middle + 1;
    else high = middle;
  }
  const size_t first = low == 0 ? 0 : low - 1;
  std::vector<std::byte> bytes((high - first) * Entry::kBytes);
  WEIR_CO_TRY(const size_t count, co_await file->read_at(first * Entry::kBytes, bytes));
  if (count < bytes.size()) co_return fail(ErrorCode::kCorruptMessage, "index file is shorter than it was");
  std::optional<Entry> found;
  for (size_t at = 0; at < bytes.size(); at += Entry::kBytes) {
    const Entry entry = Entry::decode(bytes.data() + at);
    if (!goes_before(entry)) break;
    found = entry;
  }
  co_return found;
}

template <typename Entry>
runtime::Task<Result<void>> SparseIndex<Entry>::write(FileCache& files, std::string path) {
  WEIR_CO_TRY(const auto file, co_await files.get(handle_, std::move(path), runtime::OpenMode::kCreate));
  WEIR_CO_TRY(const uint64_t size, file->size());
  if (size != in_file_ * Entry::kBytes) WEIR_CO_CHECK(co_await file->truncate(in_file_ * Entry::kBytes));
  if (tail_.empty()) co_return Result<void>();
  const size_t count = tail_.size();
  std::vector<std::byte> bytes(count * Entry::kBytes);
  for (size_t i = 0; i < count; ++i) tail_[i].encode(bytes.data() + i * Entry::kBytes);
  const ByteView part(bytes);
  WEIR_CO_CHECK(co_await file->write_at(in_file_ * Entry::kBytes, {&part, 1}));
  WEIR_ASSERT(tail_.size() >= count, tail_.size(), count);
  in_file_ += count;
  last_in_file_ = tail_[count - 1];
  if (tail_.size() == count) tail_ = {};
  else tail_.erase(tail_.begin(), tail_.begin() + static_cast<ptrdiff_t>(count));
  co_return Result<void>();
}

template <typename Entry>
template <typename Gone>
runtime::Task<Result<void>> SparseIndex<Entry>::truncate(FileCache& files, std::string path, Gone gone) {
  std::erase_if(tail_, gone);
  if (in_file_ == 0) co_return Result<void>();
  WEIR_CO_TRY(const auto file, co_await files.get(handle_, path, runtime::OpenMode::kReadWrite));
  std::vector<std::byte> bytes(in_file_ * Entry::kBytes);
  WEIR_CO_TRY(const size_t count, co_await file->read_at(0, bytes));
  size_t keep = 0;
  while ((keep + 1) * Entry::kBytes <= count && !gone(Entry::decode(bytes.data() + keep * Entry::kBytes))) ++keep;
  if (keep < in_file_) WEIR_CO_CHECK(co_await file->truncate(keep * Entry::kBytes));
  in_file_ = keep;
  last_in_file_.reset();
  if (keep > 0) last_in_file_ = Entry::decode(bytes.data() + (keep - 1) * Entry::kBytes);
  co_return Result<void>();
}

template <typename Entry>
runtime::Task<Result<void>> SparseIndex<Entry>::sync(FileCache& files, std::string path) {
  WEIR_CO_TRY(const auto file, co_await files.get(handle_, std::move(path), runtime::OpenMode::kReadWrite));
  co_return co_await file->sync_data();
}

using OffsetIndex = SparseIndex<OffsetEntry>;
using TimeIndex = SparseIndex<TimeEntry>;

}  // namespace weir::storage
