// The log start: who moves it (DeleteRecords, retention, snapshots of the quorum), and the segments that go behind it.
#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/log_core.h"
#include "weir/storage/retention.h"

namespace weir::storage {

Task<void> Log::Core::delete_later(Core* core, std::shared_ptr<Segment> segment) {
  const Duration delay = duration_of_ms(core->options.file_delete_delay_ms);
  const Result<void> waited = co_await runtime::sleep_until(core->executor(), core->executor().now() + delay, core->stop_.token());
  if (!waited) co_return;   // the log is closing: the next start drops what is marked
  runtime::Semaphore& alone = core->services.directory.deletions();
  if (!co_await alone.acquire(core->executor(), 1, Deadline::never(), core->stop_.token())) co_return;
  const runtime::HeldPermit held(alone);
  const Result<void> removed = co_await segment->remove_files();
  if (!removed) core->services.environment.log.warning("log {}: {}", core->path, removed.error().describe());
}

// The first segment goes; it ends below the log start. May be called again after an error that passes.
Task<Result<void>> Log::Core::remove_first_segment() {
  WEIR_ASSERT(removable_segments() > 0, log_start);
  const std::shared_ptr<Segment> segment = segments_.front();
  // Those that stay have durable names first, and one goes after another, so that no crash leaves a hole, or nothing that says
  // where the log was. So do the producer snapshots have their bytes: once the records are gone nothing else knows their producers.
  WEIR_CO_CHECK(co_await sync_snapshots());
  WEIR_CO_CHECK(co_await sync_directory());
  if (!segment->is_removed()) WEIR_CO_CHECK(co_await segment->mark_deleted());
  WEIR_CO_CHECK(co_await disk().sync_directory(path));
  WEIR_ASSERT(segments_.front() == segment, segment->base_offset());
  segments_.erase(segments_.begin());
  tasks_.spawn(&Core::delete_later, this, segment);
  co_return co_await drop_snapshots_below_start();
}

Task<Result<void>> Log::Core::advance_start_offset(Offset offset, Offset high_watermark, Deadline deadline) {
  WEIR_CO_CHECK(ready());
  if (offset > high_watermark) {
    co_return fail(ErrorCode::kOffsetOutOfRange, fmt::format("offset {} is above the high watermark {}", offset, high_watermark));
  }
  WEIR_CO_CHECK(co_await maintenance_.acquire(executor(), 1, deadline));
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
    const TimestampMs age_from = largest.timestamp >= 0 ? largest.timestamp : segments[i]->file_ms();
    facts.push_back({segments[i]->base_offset(), i + 1 < segments.size() ? segments[i + 1]->base_offset() : end,
                     segments[i]->size_bytes(), age_from});
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
