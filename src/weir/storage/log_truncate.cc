#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/log_core.h"
#include "weir/storage/retention.h"
#include "weir/storage/txn_index.h"

namespace weir::storage {
namespace {

// Up for as long as it lives.
class Flag {
 public:
  explicit Flag(bool& flag) : flag_(flag) { flag_ = true; }
  ~Flag() { flag_ = false; }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;

 private:
  bool& flag_;
};

}  // namespace

Task<void> Log::Core::delete_later(Core* core, std::shared_ptr<Segment> segment) {
  const Duration delay = duration_of_ms(core->options.file_delete_delay_ms);
  const Result<void> waited = co_await runtime::sleep_until(core->executor(), core->executor().now() + delay, core->stop_.token());
  if (!waited) co_return;   // the log is closing: the next start drops what is marked
  const Result<void> removed = co_await segment->remove_files();
  if (!removed) core->services.environment.log.warning("log {}: {}", core->path, removed.error().describe());
}

// The first segment goes; it ends below the log start. May be called again after an error that passes.
Task<Result<void>> Log::Core::remove_first_segment() {
  WEIR_ASSERT(removable_segments() > 0, log_start);
  const std::shared_ptr<Segment> segment = segments_.front();
  // Those that stay have durable names first, and one goes after another, so that no crash leaves a hole, or nothing that says
  // where the log was.
  WEIR_CO_CHECK(co_await sync_directory());
  if (!segment->removed) WEIR_CO_CHECK(co_await segment->mark_deleted());
  WEIR_CO_CHECK(co_await disk().sync_directory(path));
  WEIR_ASSERT(segments_.front() == segment, segment->base_offset());
  segments_.erase(segments_.begin());
  tasks_.spawn(&Core::delete_later, this, segment);
  // A snapshot before the first segment is of no use, unless it is the only one.
  while (snapshots_.size() > 1 && snapshots_.front() < segments_.front()->base_offset()) {
    const Offset offset = snapshots_.front();
    snapshots_.erase(snapshots_.begin());
    std::erase(unsynced_snapshots_, offset);
    WEIR_CO_CHECK(co_await disk().remove(file_path(segment_file_name(offset, kSnapshotSuffix))));
  }
  co_return Result<void>();
}

// Segments from `index` on go at once: their offsets will be written again.
Task<Result<void>> Log::Core::drop_segments_from(size_t index) {
  WEIR_ASSERT(index > 0 && index <= segments_.size(), index, segments_.size());
  std::vector<std::shared_ptr<Segment>> gone(segments_.begin() + static_cast<ptrdiff_t>(index), segments_.end());
  segments_.resize(index);
  co_return co_await remove_files_of(std::move(gone));
}

// The newest first and one after another, so that a crash leaves no hole.
Task<Result<void>> Log::Core::remove_files_of(std::vector<std::shared_ptr<Segment>> gone) {
  while (!gone.empty()) {
    const std::shared_ptr<Segment> segment = gone.back();
    gone.pop_back();
    WEIR_CO_CHECK(co_await segment->remove_files());
    segment->removed = true;
    WEIR_CO_CHECK(co_await disk().sync_directory(path));
  }
  co_return Result<void>();
}

// Producer snapshots above `offset` speak of records that are gone.
Task<Result<void>> Log::Core::drop_snapshots_above(Offset offset) {
  while (!snapshots_.empty() && snapshots_.back() > offset) {
    const Offset last = snapshots_.back();
    WEIR_CO_CHECK(co_await disk().remove(file_path(segment_file_name(last, kSnapshotSuffix))));
    ++directory_changes_;
    std::erase(unsynced_snapshots_, last);
    snapshots_.pop_back();
  }
  co_return Result<void>();
}

Task<Result<void>> Log::Core::advance_start_offset(Offset offset, Offset high_watermark) {
  WEIR_CO_CHECK(ready());
  if (offset > high_watermark) {
    co_return fail(ErrorCode::kOffsetOutOfRange, fmt::format("offset {} is above the high watermark {}", offset, high_watermark));
  }
  WEIR_CO_CHECK(co_await maintenance_.acquire(executor()));
  const runtime::HeldPermit held(maintenance_);
  WEIR_CO_CHECK(ready());
  if (offset <= log_start) co_return Result<void>();
  move_start(offset);
  co_return Result<void>();
}

// What lies below the new start goes in the background: nobody who asked for it, and no flush, waits for the files of many
// segments to be renamed.
void Log::Core::move_start(Offset offset) {
  WEIR_ASSERT(offset >= log_start && offset <= end, offset, log_start, end);
  const bool moves = offset > log_start;
  log_start = offset;
  if (moves && observer != nullptr) observer->on_start_moved(log_start);
  epochs.truncate_from_start(log_start);   // not worth a file: a start does the same again
  if (removing_ || closing_ || removable_segments() == 0) return;
  removing_ = true;
  tasks_.spawn(&Core::remove_below_start, this);
}

// The oldest segments that lie wholly below the start and that the writer has left behind.
size_t Log::Core::removable_segments() const {
  size_t count = 0;
  while (count + 1 < segments_.size() && segments_[count + 1]->base_offset() <= log_start) ++count;
  return std::min(count, segment_index(writing_->base_offset()));   // the rest goes with retention
}

Task<void> Log::Core::remove_below_start(Core* core) {
  for (;;) {
    const Result<void> alone = co_await core->maintenance_.acquire(core->executor());
    WEIR_ASSERT(alone.has_value());
    const runtime::HeldPermit held(core->maintenance_);
    // A log that closes leaves them to its next life.
    if (core->closing_ || core->failure || core->removable_segments() == 0) break;
    const Result<void> removed = co_await core->remove_first_segment();
    if (removed) continue;
    // Without a descriptor they stay until the next move, or the next look of retention.
    if (removed.error().code() == ErrorCode::kUnavailable) core->services.environment.log.warning("log {}: {}", core->path, removed.error().describe());
    else core->io_failed(removed.error());
    break;
  }
  core->removing_ = false;
}

Task<Result<void>> Log::Core::truncate_to(Offset offset) {
  WEIR_CO_CHECK(ready());
  WEIR_CO_CHECK(co_await maintenance_.acquire(executor()));
  const runtime::HeldPermit held(maintenance_);
  WEIR_CO_CHECK(co_await writer_idle());
  WEIR_ASSERT(written_end == end && queue_.empty(), written_end, end);
  if (offset >= end) co_return Result<void>();
  const Flag cutting(cutting_);
  const Result<void> done = co_await do_truncate_to(offset);
  if (!done) io_failed(done.error());
  co_return done;
}

Task<Result<void>> Log::Core::do_truncate_to(Offset offset) {
  if (offset < segments_.front()->base_offset()) co_return co_await do_truncate_fully(offset);
  const size_t index = segment_index(offset);
  const std::shared_ptr<Segment> segment = segments_[index];
  WEIR_CO_TRY(const auto file, co_await segment->log_file());
  // Where the first batch that reaches `offset` begins, and the largest timestamp before it.
  int64_t cut = segment->written_bytes;
  Offset new_end = offset;
  TimestampOffset largest;
  {
    SegmentScan scan(file, 0, segment->written_bytes);
    for (;;) {
      WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
      if (!batch) break;
      if (batch->last_offset() >= offset) {
        cut = scan.position();
        new_end = std::min(offset, first_offset_of(*batch));
        break;
      }
      if (batch->max_timestamp() > largest.timestamp) largest = {batch->max_timestamp(), batch->last_offset(), kNoLeaderEpoch};
    }
  }
  // The recovery point on disk must not vouch for offsets that are going to be written anew.
  durable_end = std::min(durable_end, new_end);
  end = written_end = new_end;
  tail_.truncate(new_end);
  log_start = std::min(log_start, new_end);   // it may have been inside the batch that goes
  if (services.directory.recovery_points != nullptr) WEIR_CO_CHECK(co_await services.directory.recovery_points->write_recovery_points());

  WEIR_CO_CHECK(co_await drop_segments_from(index + 1));
  WEIR_CO_CHECK(co_await file->truncate(static_cast<uint64_t>(cut)));
  WEIR_CO_TRY(std::vector<AbortedTransaction> aborted, co_await segment->load_aborted());
  std::erase_if(aborted, [&](const AbortedTransaction& entry) { return entry.last_offset >= new_end; });
  WEIR_CO_CHECK(co_await disk().remove(segment->path(kTxnIndexSuffix)));
  ++directory_changes_;
  segment->has_txn_index = false;
  segment->aborted = std::move(aborted);
  const int64_t relative_end = new_end - segment->base_offset();
  WEIR_CO_CHECK(co_await segment->offset_index.truncate(services.files, segment->path(kOffsetIndexSuffix),
                                                        [=](const OffsetEntry& entry) { return entry.relative_offset >= relative_end; }));
  WEIR_CO_CHECK(co_await segment->time_index.truncate(services.files, segment->path(kTimeIndexSuffix),
                                                      [=](const TimeEntry& entry) { return entry.relative_offset >= relative_end; }));
  segment->size_bytes = segment->written_bytes = cut;
  segment->synced_bytes = -1;
  segment->sealed = segment->indexes_synced = false;
  if (cut == 0) segment->first_timestamp.reset();
  segment->set_largest_timestamp(largest);
  writing_ = segment;

  if (epochs.truncate_from_end(new_end)) note_epoch(new_end);
  WEIR_CO_CHECK(co_await drop_snapshots_above(new_end));
  WEIR_CO_CHECK(co_await rebuild_producers(new_end));
  co_return co_await sync_files(new_end);
}

Task<Result<void>> Log::Core::truncate_fully_and_start_at(Offset offset) {
  WEIR_CO_CHECK(ready());
  WEIR_CO_CHECK(co_await maintenance_.acquire(executor()));
  const runtime::HeldPermit held(maintenance_);
  WEIR_CO_CHECK(co_await writer_idle());
  const Flag cutting(cutting_);
  const Result<void> done = co_await do_truncate_fully(offset);
  if (!done) io_failed(done.error());
  co_return done;
}

Task<Result<void>> Log::Core::do_truncate_fully(Offset offset) {
  WEIR_ASSERT(queue_.empty());
  tail_.clear();
  // Nothing is vouched for before the old files are gone.
  const Offset before = std::min(offset, segments_.front()->base_offset());
  durable_end = before;
  if (services.directory.recovery_points != nullptr) WEIR_CO_CHECK(co_await services.directory.recovery_points->write_recovery_points());
  // In memory all changes in one step: whoever looks meanwhile finds a log, the old or the new one.
  std::vector<std::shared_ptr<Segment>> gone;
  gone.swap(segments_);
  segments_.push_back(make_segment(offset));
  writing_ = segments_.back();
  log_start = end = written_end = offset;
  epochs.clear();
  epochs_unsaved_from_ = offset;
  producers.clear();
  producers.set_map_end(offset);
  WEIR_CO_CHECK(co_await remove_files_of(std::move(gone)));
  WEIR_CO_CHECK(co_await drop_snapshots_above(kNoOffset));
  durable_end = offset;
  // The file's name is what says where the log begins.
  WEIR_CO_TRY(const auto file, co_await writing_->log_file(runtime::OpenMode::kCreate));
  WEIR_CO_CHECK(co_await file->sync_data());
  ++directory_changes_;
  co_return co_await sync_files(offset);
}

Task<Result<int>> Log::Core::apply_retention(Offset high_watermark, TimestampMs now) {
  WEIR_CO_CHECK(ready());
  WEIR_CO_CHECK(co_await maintenance_.acquire(executor()));
  const runtime::HeldPermit held(maintenance_);
  WEIR_CO_CHECK(ready());
  if (removing_) co_return 0;   // what the last call found is still on its way out
  std::vector<SegmentFacts> facts;
  const std::vector<std::shared_ptr<Segment>> segments = segments_;
  for (size_t i = 0; i < segments.size(); ++i) {
    WEIR_CO_TRY(const TimestampOffset largest, co_await segments[i]->load_largest_timestamp());
    const TimestampMs age_from = largest.timestamp >= 0 ? largest.timestamp : std::max(segments[i]->modified_ms, segments[i]->created_ms);
    facts.push_back({segments[i]->base_offset(), i + 1 < segments.size() ? segments[i + 1]->base_offset() : end,
                     segments[i]->size_bytes, age_from});
  }
  size_t count = expired_segments(facts, options, log_start, high_watermark, now);
  if (count == 0) co_return 0;
  // Appends went on meanwhile, at the end only. The newest segment goes when it is no longer the newest: a roll comes first.
  if (count == segments_.size()) {
    if (stalled_ || written_end != end || facts.back().next_offset != end) --count;
    else co_await roll_now(now);
  }
  WEIR_CO_CHECK(ready());
  // The writer may not have come to the newest segments yet.
  count = std::min(count, segment_index(writing_->base_offset()));
  if (count == 0) co_return 0;
  move_start(std::max(log_start, segments_[count]->base_offset()));
  co_return static_cast<int>(count);
}

}  // namespace weir::storage
