#include "weir/storage/segment.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "weir/base/assert.h"

namespace weir::storage {
namespace {

constexpr size_t kIndexSpillEntries = 256;   // in memory of one index before the writer moves them to the file
constexpr std::string_view kAllSuffixes[] = {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix};

}  // namespace

std::string Segment::path(std::string_view suffix) const {
  return fmt::format("{}/{:020}{}{}", dir_, base_offset_.value(), suffix, removed_ ? kDeletedSuffix : std::string_view());
}

bool Segment::must_roll(const LogOptions& options, size_t bytes, TimestampMs max_timestamp, Offset last_offset, TimestampMs now) const {
  if (size_bytes_ == 0) return false;
  if (size_bytes_ > options.segment_bytes - static_cast<int64_t>(bytes)) return true;
  if (last_offset - base_offset_ > INT32_MAX) return true;
  if (static_cast<int64_t>(offset_index_.entries()) >= options.segment_index_bytes / static_cast<int64_t>(OffsetEntry::kBytes)) return true;
  if (static_cast<int64_t>(time_index_.entries()) >= options.segment_index_bytes / static_cast<int64_t>(TimeEntry::kBytes) - 1) return true;
  // Age by the records' own clock where they have one, so that a replica rolls where its leader did.
  const bool has_time = first_timestamp_.value_or(kNoTimestamp) >= 0;
  // In 128 bits: a producer's timestamp may be anything.
  const __int128 age = has_time ? static_cast<__int128>(max_timestamp) - *first_timestamp_ : static_cast<__int128>(now) - created_ms_;
  return age > options.segment_ms - roll_jitter_ms_;
}

void Segment::account(Offset last_offset, TimestampMs max_timestamp, size_t bytes, int64_t index_interval_bytes) {
  WEIR_ASSERT(!sealed_ && last_offset >= base_offset_, last_offset, base_offset_);
  WEIR_ASSERT(last_offset - base_offset_ <= INT32_MAX && size_bytes_ <= INT32_MAX, last_offset, base_offset_, size_bytes_);
  if (size_bytes_ == 0) first_timestamp_ = max_timestamp;
  if (max_timestamp > largest_.timestamp) largest_ = {max_timestamp, last_offset, kNoLeaderEpoch};
  if (bytes_since_entry_ > index_interval_bytes) {
    offset_index_.append({static_cast<int32_t>(last_offset - base_offset_), static_cast<int32_t>(size_bytes_)});
    append_time_entry();
    bytes_since_entry_ = 0;
  }
  bytes_since_entry_ += static_cast<int64_t>(bytes);
  size_bytes_ += static_cast<int64_t>(bytes);
  indexes_synced_ = false;
}

void Segment::append_time_entry() {
  if (largest_.timestamp < 0 || (time_index_.newest() && time_index_.newest()->timestamp >= largest_.timestamp)) return;
  time_index_.append({largest_.timestamp, static_cast<int32_t>(largest_.offset - base_offset_)});
}

void Segment::note_written(size_t bytes) {
  written_bytes_ += static_cast<int64_t>(bytes);
  WEIR_ASSERT(written_bytes_ <= size_bytes_, written_bytes_, size_bytes_);
}

void Segment::note_synced(int64_t bytes) {
  WEIR_ASSERT(bytes >= 0 && bytes <= written_bytes_, bytes, written_bytes_);
  synced_bytes_ = std::max(synced_bytes_, bytes);
}

bool Segment::becomes_nearly_full(int64_t segment_bytes) {
  return written_bytes_ >= segment_bytes - segment_bytes / 16 && !std::exchange(was_nearly_full_, true);
}

void Segment::seal() {
  WEIR_ASSERT(!sealed_ && largest_known_, base_offset_);
  sealed_ = true;
  append_time_entry();
}

runtime::Task<Result<SegmentCut>> Segment::find_cut(Offset offset) {
  SegmentCut at{.end = offset};
  WEIR_CO_TRY(at.file, co_await log_file());
  at.position = written_bytes_;
  SegmentScan scan(at.file, 0, written_bytes_);
  for (;;) {
    WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
    if (!batch) co_return at;
    if (batch->last_offset() >= offset) {
      at.position = scan.position();
      at.end = std::min(offset, batch->first_offset());
      co_return at;
    }
    if (batch->max_timestamp() > at.largest.timestamp) at.largest = {batch->max_timestamp(), batch->last_offset(), kNoLeaderEpoch};
  }
}

runtime::Task<Result<void>> Segment::cut(SegmentCut at) {
  WEIR_ASSERT(at.position <= written_bytes_ && written_bytes_ == size_bytes_, at.position, written_bytes_, size_bytes_);
  WEIR_CO_CHECK(co_await at.file->truncate(static_cast<uint64_t>(at.position)));
  WEIR_CO_TRY(std::vector<AbortedTransaction> aborted, co_await load_aborted());
  std::erase_if(aborted, [&](const AbortedTransaction& entry) { return entry.last_offset >= at.end; });
  WEIR_CO_CHECK(co_await files_.disk().remove(path(kTxnIndexSuffix)));
  txn_index_.replace(std::move(aborted));
  const int64_t relative_end = at.end - base_offset_;
  const auto is_gone = [=](const auto& entry) { return entry.relative_offset >= relative_end; };
  WEIR_CO_CHECK(co_await offset_index_.truncate(files_, path(kOffsetIndexSuffix), is_gone));
  WEIR_CO_CHECK(co_await time_index_.truncate(files_, path(kTimeIndexSuffix), is_gone));
  size_bytes_ = written_bytes_ = at.position;
  synced_bytes_ = kSyncUnknown;
  sealed_ = indexes_synced_ = false;
  if (at.position == 0) first_timestamp_.reset();
  largest_ = at.largest;
  largest_known_ = true;
  co_return Result<void>();
}

runtime::Task<Result<std::shared_ptr<runtime::File>>> Segment::log_file(runtime::OpenMode mode) {
  return files_.get(log_handle_, path(kLogSuffix), mode);
}

void Segment::close_files() {
  log_handle_.close();
  offset_index_.close_file();
  time_index_.close_file();
}

bool Segment::must_spill() const {
  return !sealed_ && (offset_index_.unwritten() >= kIndexSpillEntries || time_index_.unwritten() >= kIndexSpillEntries);
}

runtime::Task<Result<void>> Segment::write_indexes() {
  WEIR_CO_CHECK(co_await offset_index_.write(files_, path(kOffsetIndexSuffix)));
  WEIR_CO_CHECK(co_await time_index_.write(files_, path(kTimeIndexSuffix)));
  co_return co_await txn_index_.write(files_.disk(), path(kTxnIndexSuffix));
}

runtime::Task<Result<void>> Segment::sync_indexes() {
  WEIR_CO_CHECK(co_await offset_index_.sync(files_, path(kOffsetIndexSuffix)));
  WEIR_CO_CHECK(co_await time_index_.sync(files_, path(kTimeIndexSuffix)));
  co_return co_await txn_index_.sync(files_.disk(), path(kTxnIndexSuffix));
}

runtime::Task<Result<void>> Segment::mark_deleted() {
  close_files();
  for (const std::string_view suffix : kAllSuffixes) {
    const std::string from = path(suffix);
    Result<void> renamed = co_await files_.disk().rename(from, from + std::string(kDeletedSuffix));
    // A full disk may have no room for a name; and it is now that space is wanted.
    if (!renamed && renamed.error().code() == ErrorCode::kNoSpace) renamed = co_await files_.disk().remove(from);
    if (!renamed && renamed.error().code() != ErrorCode::kNotFound) co_return fail(renamed.error());
  }
  removed_ = true;
  close_files();   // a read may have opened one meanwhile, under its old name
  co_return Result<void>();
}

runtime::Task<Result<void>> Segment::remove_files() {
  close_files();
  for (const std::string_view suffix : kAllSuffixes) WEIR_CO_CHECK(co_await files_.disk().remove(path(suffix)));
  removed_ = true;
  co_return Result<void>();
}

}  // namespace weir::storage
