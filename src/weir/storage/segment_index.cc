// What a segment's index files say, compared with what the log says: they have no checksums, and an entry that is believed
// though it is wrong makes a reader skip records, or retention drop a segment before its time.
#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/segment.h"

namespace weir::storage {

runtime::Task<Result<std::optional<record::BatchSpan>>> Segment::span_at(int64_t position) {
  if (position < 0 || position >= written_bytes_) co_return std::nullopt;
  WEIR_CO_TRY(const auto file, co_await log_file());
  std::byte bytes[record::kHeaderBytes];
  const MutableBytes head = MutableBytes(bytes).first(static_cast<size_t>(std::min<int64_t>(sizeof bytes, written_bytes_ - position)));
  const Result<void> done = co_await read_fully(*file, static_cast<uint64_t>(position), head);
  if (!done && done.error().code() != ErrorCode::kCorruptMessage) co_return fail(done.error());
  const Result<std::optional<record::BatchSpan>> span = done ? record::peek_span(head) : std::nullopt;
  co_return span.value_or(std::nullopt);
}

runtime::Task<Result<std::optional<record::BatchSpan>>> Segment::named_by(OffsetEntry entry) {
  WEIR_CO_TRY(const std::optional<record::BatchSpan> span, co_await span_at(entry.position));
  if (span && span->last_offset == base_offset_ + entry.relative_offset) co_return span;
  indexes_damaged_ = true;
  co_return std::nullopt;
}

runtime::Task<Result<int64_t>> Segment::position_before(Offset offset) {
  if (indexes_damaged_) co_return int64_t{0};
  const int64_t relative = offset - base_offset_;
  const Result<std::optional<OffsetEntry>> entry =
      co_await offset_index_.last_where(files_, path(kOffsetIndexSuffix), [relative](const OffsetEntry& e) { return e.relative_offset <= relative; });
  if (!entry && entry.error().code() != ErrorCode::kCorruptMessage) co_return fail(entry.error());
  if (!entry) {   // the file is shorter than it was
    indexes_damaged_ = true;
    co_return int64_t{0};
  }
  if (!*entry) co_return int64_t{0};
  if (!offset_index_.is_from_file(**entry)) co_return int64_t{(*entry)->position};
  WEIR_CO_TRY(const std::optional<record::BatchSpan> named, co_await named_by(**entry));
  co_return named ? int64_t{(*entry)->position} : int64_t{0};
}

runtime::Task<Result<bool>> Segment::is_right(TimeEntry entry) {
  if (indexes_damaged_) co_return false;
  if (!time_index_.is_from_file(entry)) co_return true;
  const Offset named = base_offset_ + entry.relative_offset;
  if (entry.relative_offset >= 0) {
    WEIR_CO_TRY(SegmentScan scan, co_await scan_from(named));
    for (;;) {
      const Result<std::optional<record::AnyBatch>> batch = co_await scan.next();
      if (!batch && batch.error().code() != ErrorCode::kCorruptMessage) co_return fail(batch.error());
      if (!batch || !*batch || (*batch)->last_offset() > named) break;
      if ((*batch)->last_offset() == named && (*batch)->max_timestamp() == entry.timestamp) co_return true;
    }
  }
  indexes_damaged_ = true;
  co_return false;
}

runtime::Task<Result<bool>> Segment::covers_the_end(TimeEntry newest) {
  WEIR_CO_TRY(const bool right, co_await is_right(newest));
  if (!right) co_return false;
  WEIR_CO_TRY(SegmentScan scan, co_await scan_from(Offset(INT64_MAX)));
  for (;;) {
    WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
    if (!batch) co_return true;
    if (batch->max_timestamp() <= newest.timestamp) continue;
    indexes_damaged_ = true;
    co_return false;
  }
}

runtime::Task<Result<TimestampOffset>> Segment::find_largest_timestamp() {
  TimestampOffset largest;
  WEIR_CO_TRY(SegmentScan scan, co_await scan_from(kNoOffset, size_t{1} << 20));
  for (;;) {
    WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
    if (!batch) co_return largest;
    if (batch->max_timestamp() > largest.timestamp) largest = {batch->max_timestamp(), batch->last_offset(), kNoLeaderEpoch};
  }
}

runtime::Task<Result<TimestampOffset>> Segment::load_largest_timestamp() {
  if (largest_known_) co_return largest_;
  const Result<std::optional<TimeEntry>> newest = co_await time_index_.load_newest(files_, path(kTimeIndexSuffix));
  if (!newest && newest.error().code() != ErrorCode::kCorruptMessage) co_return fail(newest.error());
  TimestampOffset found;
  if (newest && *newest) found = {(*newest)->timestamp, base_offset_ + (*newest)->relative_offset, kNoLeaderEpoch};
  // The newest segment's index has no entry for its end yet; what lies there was accounted for when it was loaded.
  bool right = newest.has_value();
  if (right && sealed_ && *newest) {
    WEIR_CO_TRY(right, co_await covers_the_end(**newest));
  } else if (right && sealed_ && written_bytes_ > 0) {
    right = false;   // no timestamps at all, or all entries are lost
  }
  if (!right) {
    WEIR_CO_TRY(found, co_await find_largest_timestamp());
  }
  if (!largest_known_) largest_ = found;
  largest_known_ = true;
  co_return largest_;
}

runtime::Task<Result<Offset>> Segment::offset_before(TimestampMs target) {
  // Everything up to the last time entry before `target` is too old.
  WEIR_CO_TRY(const std::optional<TimeEntry> older,
              co_await time_index_.last_where(files_, path(kTimeIndexSuffix),
                                              [target](const TimeEntry& entry) { return entry.timestamp < target; }));
  if (!older) co_return base_offset_;
  WEIR_CO_TRY(const bool right, co_await is_right(*older));
  co_return right ? base_offset_ + older->relative_offset : base_offset_;
}

runtime::Task<Result<void>> Segment::rebuild_indexes(int64_t index_interval_bytes) {
  WEIR_ASSERT(is_complete(), written_bytes_, size_bytes_);
  WEIR_CO_TRY(SegmentScan scan, co_await scan_from(kNoOffset, size_t{1} << 20));
  Segment fresh(files_, dir_, base_offset_);
  for (;;) {
    WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
    if (!batch) break;
    if (batch->last_offset() < base_offset_ || batch->last_offset() - base_offset_ > INT32_MAX) {
      co_return fail(ErrorCode::kCorruptMessage, fmt::format("{}: offset {} does not belong here", path(kLogSuffix), batch->last_offset()));
    }
    fresh.account(batch->last_offset(), batch->max_timestamp(), batch->size_bytes(), index_interval_bytes);
  }
  fresh.seal();
  offset_index_.replace(std::move(fresh.offset_index_).take());
  time_index_.replace(std::move(fresh.time_index_).take());
  largest_ = fresh.largest_;
  largest_known_ = true;
  indexes_damaged_ = indexes_synced_ = false;
  co_return Result<void>();
}

}  // namespace weir::storage
