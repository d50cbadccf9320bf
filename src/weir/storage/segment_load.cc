// What is believed of a segment that is found on disk, and what recovery does to its accounting.
#include "weir/base/assert.h"
#include "weir/storage/segment.h"

namespace weir::storage {
namespace {

// The file is not what it was: no reason to fail, but to read the log instead.
bool is_damage(const Error& error) { return error.code() == ErrorCode::kCorruptMessage || error.code() == ErrorCode::kNotFound; }

}  // namespace

void Segment::found(uint64_t bytes, TimestampMs modified_ms) {
  WEIR_ASSERT(size_bytes_ == 0 && !sealed_, base_offset_);
  size_bytes_ = written_bytes_ = synced_bytes_ = static_cast<int64_t>(bytes);
  modified_ms_ = modified_ms;
  index_files_ = 0;
  txn_index_.found(false);
  largest_ = {};
  largest_known_ = false;   // its time index knows
}

void Segment::found_beside(std::string_view suffix, uint64_t bytes) {
  if (suffix == kTxnIndexSuffix) {
    txn_index_.found(true);
    return;
  }
  WEIR_ASSERT(suffix == kOffsetIndexSuffix || suffix == kTimeIndexSuffix, suffix);
  if (suffix == kOffsetIndexSuffix) offset_index_.start(bytes);
  else time_index_.start(bytes);
  ++index_files_;
}

runtime::Task<Result<bool>> Segment::indexes_look_right(bool is_newest) {
  const bool are_there = index_files_ == kIndexFiles;
  if (size_bytes_ > 0 && !are_there) co_return false;
  if (size_bytes_ == 0 && offset_index_.entries() + time_index_.entries() > 0) co_return false;
  if (size_bytes_ == 0 || !is_newest) {
    indexes_synced_ = are_there;
    co_return true;
  }
  const Result<std::optional<OffsetEntry>> last = co_await offset_index_.load_newest(files_, path(kOffsetIndexSuffix));
  const Result<std::optional<TimeEntry>> newest = co_await time_index_.load_newest(files_, path(kTimeIndexSuffix));
  for (const Error* error : {last ? nullptr : &last.error(), newest ? nullptr : &newest.error()}) {
    if (error == nullptr) continue;
    if (is_damage(*error)) co_return false;
    co_return fail(*error);
  }
  if (*last && ((*last)->relative_offset <= 0 || (*last)->position <= 0 || (*last)->position >= size_bytes_)) co_return false;
  if (*newest && ((*newest)->timestamp < 0 || (*newest)->relative_offset < 0)) co_return false;
  indexes_synced_ = true;
  co_return true;
}

runtime::Task<Result<bool>> Segment::indexes_survived() {
  indexes_synced_ = true;
  if (size_bytes_ == 0) co_return true;
  const Result<std::optional<OffsetEntry>> last = co_await offset_index_.load_newest(files_, path(kOffsetIndexSuffix));
  if (!last && !is_damage(last.error())) co_return fail(last.error());
  indexes_synced_ = index_files_ == kIndexFiles && last &&
                    (!*last || ((*last)->relative_offset > 0 && (*last)->position < size_bytes_));
  co_return indexes_synced_;
}

runtime::Task<Result<Offset>> Segment::load_end() {
  WEIR_CO_TRY(const TimestampOffset from_index, co_await load_largest_timestamp());
  WEIR_ASSERT(from_index.timestamp >= kNoTimestamp);
  if (size_bytes_ == 0) co_return base_offset_;
  if (from_index.timestamp >= 0) {
    WEIR_CO_TRY(const bool right, co_await is_right({from_index.timestamp, static_cast<int32_t>(from_index.offset - base_offset_)}));
    if (!right) co_return fail(ErrorCode::kCorruptMessage, "the time index does not agree with the log");
  }
  {
    WEIR_CO_TRY(auto file, co_await log_file());
    SegmentScan head(std::move(file), 0, size_bytes_, record::kHeaderBytes);
    WEIR_CO_TRY(const std::optional<record::AnyBatch> first, co_await head.next());
    if (first) first_timestamp_ = first->max_timestamp();
  }
  WEIR_CO_TRY(SegmentScan scan, co_await scan_from(Offset(INT64_MAX)));
  Offset end = base_offset_;
  for (;;) {
    WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
    if (!batch) break;
    if (batch->last_offset() < end) co_return fail(ErrorCode::kCorruptMessage, "offsets go back");
    if (batch->max_timestamp() > largest_.timestamp) largest_ = {batch->max_timestamp(), batch->last_offset(), kNoLeaderEpoch};
    end = batch->next_offset();
  }
  if (scan.next_position() != size_bytes_) co_return fail(ErrorCode::kCorruptMessage, "the last batch is cut short");
  close_files();
  co_return end;
}

void Segment::begin_recovery() {
  size_bytes_ = written_bytes_ = synced_bytes_ = 0;
  bytes_since_entry_ = 0;
  largest_ = {};
  largest_known_ = true;
  first_timestamp_.reset();
  offset_index_.reset();
  time_index_.reset();
  txn_index_.replace({});
  sealed_ = indexes_synced_ = indexes_damaged_ = false;
}

void Segment::end_recovery() {
  WEIR_ASSERT(written_bytes_ == 0 && !sealed_, written_bytes_);
  written_bytes_ = size_bytes_;
  synced_bytes_ = kSyncUnknown;
}

}  // namespace weir::storage
