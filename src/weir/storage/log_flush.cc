// What a flush does for one log: bytes and names first, which acknowledgements wait for, then what recovery would have to
// rebuild. Which log is next: flush.h.
#include <algorithm>

#include "weir/base/assert.h"
#include "weir/storage/log_core.h"

namespace weir::storage {
namespace {

constexpr Duration kSyncRetry = 100ms;   // of a sync that found no descriptor

}  // namespace

void Log::Core::arm_flush_timer() {
  if (options.flush_ms == INT64_MAX || written_end <= durable_end || is_armed()) return;
  executor().arm(*this, executor().now() + duration_of_ms(options.flush_ms));
}

void Log::Core::request_flush() {
  if (closing_ || failure) return;
  if (syncs_ > 0) {
    asked_meanwhile_ = true;
    return;
  }
  const bool awaited = written_end > durable_end && (options.flush_on_ack || flush_wanted_ > durable_end);
  services.directory.flushes().request(*this, awaited ? FlushUrgency::kAwaited : FlushUrgency::kBackground);
}

void Log::Core::advance_durable(Offset offset) {
  WEIR_ASSERT(offset <= written_end, offset, written_end);
  if (offset <= durable_end) return;
  durable_end = offset;
  disarm();
  arm_flush_timer();   // for what was written meanwhile
  durable_waiters_.notify_all();
  if (observer != nullptr) observer->on_durable(durable_end);
}

void Log::Core::on_fire() {
  if (durable_end < written_end || std::exchange(sync_again_, false)) request_flush();
}

Task<void> Log::Core::sync_dirty() {
  const Syncing here(*this);
  const Result<void> alone = co_await maintenance_.acquire(executor());
  WEIR_ASSERT(alone.has_value());
  const runtime::HeldPermit held(maintenance_);
  if (failure) co_return;
  asked_meanwhile_ = false;   // what was asked for until here is in it
  const Result<void> synced = co_await sync_files(written_end);
  if (synced) co_return;
  if (synced.error().code() != ErrorCode::kUnavailable) {
    io_failed(synced.error());
  } else if (!closing_) {
    sync_again_ = true;
    executor().arm(*this, executor().now() + kSyncRetry);
  }
}

// What acknowledgements wait for comes first: the bytes of every dirty segment, oldest first, and the directory that names
// them. Then what recovery would have to rebuild.
Task<Result<void>> Log::Core::sync_files(Offset target) {
  if (options.planted_ack_before_sync) advance_durable(target);
  const std::vector<std::shared_ptr<Segment>> segments = segments_;
  const std::shared_ptr<Segment> writing = writing_;
  for (const auto& segment : segments) {
    if (segment->is_synced()) continue;
    const int64_t bytes = segment->written_bytes();
    WEIR_CO_TRY(const auto file, co_await segment->log_file());
    WEIR_CO_CHECK(co_await file->sync_data());
    segment->note_synced(bytes);
  }
  WEIR_CO_CHECK(co_await sync_directory());
  advance_durable(target);
  for (const auto& segment : segments) {
    if (!segment->awaits_index_sync() || segment->base_offset() >= writing->base_offset()) continue;
    WEIR_CO_CHECK(co_await segment->sync_indexes());
    segment->note_indexes_synced();
  }
  WEIR_CO_CHECK(co_await sync_snapshots());
  // An epoch without a record is not worth a file: a start would drop it again.
  if (epochs_unsaved_from_ && *epochs_unsaved_from_ < durable_end) {
    const Result<void> saved = co_await save_epochs();
    if (!saved && !is_passing(saved.error())) co_return saved;   // else the next flush tries again; the recovery point waits
  }
  if (flush_wanted_ > durable_end && written_end > durable_end) request_flush();
  co_return Result<void>();
}

Task<Result<void>> Log::Core::sync_snapshots() {
  while (!unsynced_snapshots_.empty()) {
    const Offset offset = unsynced_snapshots_.back();
    WEIR_CO_TRY(const auto file, co_await disk().open(file_path(segment_file_name(offset, kSnapshotSuffix)), runtime::OpenMode::kReadWrite));
    WEIR_CO_CHECK(co_await file->sync_data());
    std::erase(unsynced_snapshots_, offset);
  }
  co_return Result<void>();
}

// A flush may come while another sync is under way: a change counts as synced only when a sync that began after it has ended.
Task<Result<void>> Log::Core::sync_directory() {
  const uint64_t changes = directory_changes_;
  if (changes == directory_synced_) co_return Result<void>();
  WEIR_CO_CHECK(co_await disk().sync_directory(path));
  directory_synced_ = std::max(directory_synced_, changes);
  co_return Result<void>();
}

Task<Result<void>> Log::Core::save_epochs() {
  const std::string text = epochs.format();
  WEIR_CO_CHECK(co_await runtime::write_file_atomically(disk(), file_path(kLeaderEpochFile), to_bytes(text)));
  // An epoch that began meanwhile keeps the recovery point back until the next flush.
  if (epochs.format() == text) epochs_unsaved_from_.reset();
  co_return Result<void>();
}

}  // namespace weir::storage
