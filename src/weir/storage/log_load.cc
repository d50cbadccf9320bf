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
  for (size_t i = 0; i + 1 < segments_.size(); ++i) segments_[i]->take_as_sealed();
  if (recovery.clean) co_return Result<void>();
  // What recovery kept may never have been synced: nobody may be told otherwise before it is. What ends at the recovery point
  // was, with its indexes and epochs, unless something was cut just now.
  if (end != recovery.recovery_point || recovery_cut_) WEIR_CO_CHECK(co_await sync_files(end));
  for (const auto& segment : segments_) {
    segment->note_synced(segment->written_bytes());
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
    WEIR_CO_TRY(trusted, co_await segments_[i]->indexes_look_right(i + 1 == segments_.size()));
  }
  if (trusted) {
    const Result<Offset> found = co_await active().load_end();
    if (!found && found.error().code() != ErrorCode::kCorruptMessage) co_return fail(found.error());
    trusted = found.has_value() && !active().indexes_damaged();
    if (trusted) end = *found;
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
    segment->found(file.size, file.modified_ms);
    segments_.push_back(std::move(segment));
  }
  const auto by_base = [](const auto& a, const auto& b) { return a->base_offset() < b->base_offset(); };
  std::sort(segments_.begin(), segments_.end(), by_base);
  std::sort(snapshots_.begin(), snapshots_.end());
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (!name || name->suffix == kLogSuffix || name->suffix == kSnapshotSuffix) continue;
    const size_t i = segments_.empty() ? 0 : segment_index(name->base);
    if (i == segments_.size() || segments_[i]->base_offset() != name->base) {
      services.environment.log.warning("log {}: {} belongs to no segment and is removed", path, file.name);
      WEIR_CO_CHECK(co_await disk().remove(file_path(file.name)));
    } else {
      segments_[i]->found_beside(name->suffix, file.size);
    }
  }
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

}  // namespace weir::storage
