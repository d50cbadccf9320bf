#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/log_core.h"

namespace weir::storage {
namespace {

constexpr uint64_t kEpochFileBytesMax = 16 << 20;

}  // namespace

Task<Result<void>> Log::Core::load(LogRecovery recovery) {
  if (services.directory.is_offline()) co_return fail(services.directory.offline_error());
  WEIR_CO_CHECK(co_await disk().create_directories(path));
  WEIR_CO_TRY(const std::vector<runtime::DirEntry> files, co_await clear_leftovers());
  WEIR_CO_CHECK(co_await find_segments(files));
  WEIR_CO_CHECK(co_await load_epochs());
  log_start = recovery.log_start;
  if (segments_.empty()) WEIR_CO_CHECK(co_await begin_without_files());
  else WEIR_CO_CHECK(co_await load_segments(recovery));
  WEIR_CO_CHECK(co_await drop_snapshots_above(end));
  if (end < log_start) WEIR_CO_CHECK(co_await begin_at_start(recovery.clean));
  written_end = durable_end = end;
  writing_ = segments_.back();
  WEIR_CO_CHECK(co_await drop_stray_snapshots());
  if (epochs.truncate_from_end(end)) note_epoch(end);
  epochs.truncate_from_start(log_start);
  if (recovery.high_watermark > end) {
    services.environment.log.error("log {} ends at {}, but before the stop consumers could read up to {}: the records between are lost", path, end,
                                   recovery.high_watermark);
  }
  noted_high_watermark = std::clamp(recovery.high_watermark, log_start, end);
  for (size_t i = 0; i + 1 < segments_.size(); ++i) segments_[i]->sealed = true;
  if (recovery.clean) co_return Result<void>();
  // What recovery kept may never have been synced: nobody may be told otherwise before it is. What ends at the recovery point
  // was, with its indexes and epochs, unless something was cut just now.
  if (end != recovery.recovery_point || recovery_cut_) WEIR_CO_CHECK(co_await sync_files(end));
  for (const auto& segment : segments_) {
    segment->synced_bytes = segment->written_bytes;
    segment->close_files();
  }
  co_return Result<void>();
}

// A directory without a segment: only the checkpoint says where the log begins.
Task<Result<void>> Log::Core::begin_without_files() {
  segments_.push_back(make_segment(log_start));
  end = log_start;
  WEIR_CO_CHECK(co_await drop_snapshots_above(kNoOffset));
  epochs.clear();
  producers.set_map_end(end);
  ++directory_changes_;
  co_return Result<void>();
}

// Finds the end: after a clean stop by a look at the indexes and the last batches, else, or when they are not right, by recovery.
Task<Result<void>> Log::Core::load_segments(LogRecovery recovery) {
  log_start = std::max(log_start, segments_.front()->base_offset());
  bool trusted = recovery.clean;
  for (size_t i = 0; trusted && i < segments_.size(); ++i) {
    WEIR_CO_TRY(trusted, co_await indexes_look_right(*segments_[i]));
  }
  if (trusted) {
    const Result<void> loaded = co_await load_active_end();
    if (!loaded && loaded.error().code() != ErrorCode::kCorruptMessage) co_return fail(loaded.error());
    trusted = loaded.has_value() && !active().index_damaged;
  }
  if (trusted) co_return co_await rebuild_producers(end);
  co_return co_await recover_from(recovery.clean ? active().base_offset() : recovery.recovery_point);
}

// The log ends before its start.
Task<Result<void>> Log::Core::begin_at_start(bool clean) {
  WEIR_ASSERT(end < log_start, end, log_start);
  if (clean && end > segments_.front()->base_offset()) {
    // After a clean stop the log reached its start: it is the checkpoint that is wrong, and no reason to drop records.
    services.environment.log.error("log {} ends at {}, but the checkpoint has its start at {}: it is taken to begin at {}", path, end,
                                   log_start, segments_.front()->base_offset());
    log_start = segments_.front()->base_offset();
    co_return Result<void>();
  }
  // Every record there was lies below the log start (a snapshot replaced them, or the checkpoint is ahead of a cut file).
  services.environment.log.warning("log {} ends at {}, before its start {}: it begins again there", path, end, log_start);
  co_return co_await do_truncate_fully(log_start);
}

// A new log, whose directory holds no file of it.
void Log::Core::begin_empty() {
  WEIR_ASSERT(segments_.empty() && end == Offset(0), end);
  segments_.push_back(make_segment(end));
  writing_ = segments_.back();
  producers.set_map_end(end);
}

// Finishes what a stop interrupted, and drops what Kafka's marks say is of no use; returns the files that are left.
Task<Result<std::vector<runtime::DirEntry>>> Log::Core::clear_leftovers() {
  WEIR_CO_TRY(const std::vector<runtime::DirEntry> files, co_await disk().list(path));
  std::optional<Offset> least_cleaned;
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (name && name->mark == kCleanedSuffix) least_cleaned = std::min(least_cleaned.value_or(name->base), name->base);
  }
  std::vector<runtime::DirEntry> left;
  bool changed = false;
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (!name || name->mark.empty()) {
      left.push_back(file);
      continue;
    }
    changed = true;
    // A swap that had begun before every file of it was ready is dropped; one that was complete is finished.
    const bool finish = name->mark == kSwapSuffix && !(least_cleaned && name->base >= *least_cleaned);
    if (!finish) {
      WEIR_CO_CHECK(co_await disk().remove(file_path(file.name)));
      continue;
    }
    runtime::DirEntry renamed = file;
    renamed.name = file.name.substr(0, file.name.size() - kSwapSuffix.size());
    WEIR_CO_CHECK(co_await disk().rename(file_path(file.name), file_path(renamed.name)));
    std::erase_if(left, [&](const runtime::DirEntry& other) { return other.name == renamed.name; });
    left.push_back(std::move(renamed));
  }
  if (changed) WEIR_CO_CHECK(co_await disk().sync_directory(path));
  co_return left;
}

Task<Result<void>> Log::Core::find_segments(const std::vector<runtime::DirEntry>& files) {
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (!name) continue;
    if (name->suffix == kSnapshotSuffix) snapshots_.push_back(name->base);
    if (name->suffix != kLogSuffix) continue;
    auto segment = make_segment(name->base);
    segment->size_bytes = segment->written_bytes = segment->synced_bytes = static_cast<int64_t>(file.size);
    segment->modified_ms = file.modified_ms;
    segment->has_txn_index = false;
    segment->forget_largest_timestamp();
    segments_.push_back(std::move(segment));
  }
  const auto by_base = [](const auto& a, const auto& b) { return a->base_offset() < b->base_offset(); };
  std::sort(segments_.begin(), segments_.end(), by_base);
  std::sort(snapshots_.begin(), snapshots_.end());
  std::vector<int> index_files(segments_.size(), 0);
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (!name || name->suffix == kLogSuffix || name->suffix == kSnapshotSuffix) continue;
    const size_t i = segments_.empty() ? 0 : segment_index(name->base);
    if (i == segments_.size() || segments_[i]->base_offset() != name->base) {
      services.environment.log.warning("log {}: {} belongs to no segment and is removed", path, file.name);
      WEIR_CO_CHECK(co_await disk().remove(file_path(file.name)));
    } else if (name->suffix == kTxnIndexSuffix) {
      segments_[i]->has_txn_index = true;
    } else {
      if (name->suffix == kOffsetIndexSuffix) segments_[i]->offset_index.start(file.size);
      else segments_[i]->time_index.start(file.size);
      ++index_files[i];
    }
  }
  for (size_t i = 0; i < segments_.size(); ++i) segments_[i]->index_files_found = index_files[i] == 2;
  co_return Result<void>();
}

Task<Result<void>> Log::Core::load_epochs() {
  const Result<Bytes> content = co_await runtime::read_file(disk(), file_path(kLeaderEpochFile), kEpochFileBytesMax);
  if (!content) {
    if (content.error().code() == ErrorCode::kNotFound) co_return Result<void>();
    co_return fail(content.error());
  }
  Result<LeaderEpochCache> parsed = LeaderEpochCache::parse(as_text(*content));
  if (!parsed) co_return fail(parsed.error().within(file_path(kLeaderEpochFile)));
  epochs = std::move(*parsed);
  co_return Result<void>();
}

// Cheap signs that a segment's indexes are not what a clean stop leaves: missing entries, or a tail of zeros.
Task<Result<bool>> Log::Core::indexes_look_right(Segment& segment) {
  const bool is_active = &segment == segments_.back().get();
  if (segment.size_bytes > 0 && !segment.index_files_found) co_return false;
  if (segment.size_bytes == 0 && segment.offset_index.entries() + segment.time_index.entries() > 0) co_return false;
  if (segment.size_bytes == 0 || !is_active) {
    segment.indexes_synced = segment.index_files_found;
    co_return true;
  }
  const Result<std::optional<OffsetEntry>> last = co_await segment.offset_index.load_newest(services.files, segment.path(kOffsetIndexSuffix));
  const Result<std::optional<TimeEntry>> newest = co_await segment.time_index.load_newest(services.files, segment.path(kTimeIndexSuffix));
  for (const Error* error : {last ? nullptr : &last.error(), newest ? nullptr : &newest.error()}) {
    if (error == nullptr) continue;
    if (error->code() == ErrorCode::kCorruptMessage || error->code() == ErrorCode::kNotFound) co_return false;
    co_return fail(*error);
  }
  if (*last && ((*last)->relative_offset <= 0 || (*last)->position <= 0 || (*last)->position >= segment.size_bytes)) co_return false;
  if (*newest && ((*newest)->timestamp < 0 || (*newest)->relative_offset < 0)) co_return false;
  segment.indexes_synced = true;
  co_return true;
}

// After a clean stop: only the batches behind the last index entry are looked at.
Task<Result<void>> Log::Core::load_active_end() {
  Segment& segment = active();
  end = segment.base_offset();
  WEIR_CO_TRY(const TimestampOffset from_index, co_await segment.load_largest_timestamp());
  WEIR_ASSERT(from_index.timestamp >= kNoTimestamp);
  if (segment.size_bytes == 0) co_return Result<void>();
  if (from_index.timestamp >= 0) {
    const auto relative = static_cast<int32_t>(from_index.offset - segment.base_offset());
    WEIR_CO_TRY(const bool right, co_await segment.is_right({from_index.timestamp, relative}));
    if (!right) co_return fail(ErrorCode::kCorruptMessage, "the time index does not agree with the log");
  }
  WEIR_CO_TRY(const auto file, co_await segment.log_file());
  {
    SegmentScan head(file, 0, segment.size_bytes, record::kHeaderBytes);
    WEIR_CO_TRY(const std::optional<record::AnyBatch> first, co_await head.next());
    if (first) segment.first_timestamp = first->max_timestamp();
  }
  WEIR_CO_TRY(const int64_t position, co_await segment.position_before(Offset(INT64_MAX)));
  SegmentScan scan(file, position, segment.size_bytes);
  for (;;) {
    WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
    if (!batch) break;
    if (batch->last_offset() < end) co_return fail(ErrorCode::kCorruptMessage, "offsets go back");
    segment.note_timestamp(batch->max_timestamp(), batch->last_offset());
    end = batch->next_offset();
  }
  if (scan.next_position() != segment.size_bytes) co_return fail(ErrorCode::kCorruptMessage, "the last batch is cut short");
  segment.close_files();
  co_return Result<void>();
}

}  // namespace weir::storage
