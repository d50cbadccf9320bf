#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/log_core.h"

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
    WEIR_CO_CHECK(co_await disk().sync_directory(path));
  }
  co_return Result<void>();
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
  WEIR_CO_TRY(SegmentCut cut, co_await segment->find_cut(offset));
  const Offset new_end = cut.end;
  // The recovery point on disk must not vouch for offsets that are going to be written anew.
  durable_end = std::min(durable_end, new_end);
  end = written_end = new_end;
  tail_.truncate(new_end);
  log_start = std::min(log_start, new_end);   // it may have been inside the batch that goes
  if (services.directory.recovery_points != nullptr) WEIR_CO_CHECK(co_await services.directory.recovery_points->write_recovery_points());

  WEIR_CO_CHECK(co_await drop_segments_from(index + 1));
  WEIR_CO_CHECK(co_await segment->cut(std::move(cut)));
  ++directory_changes_;
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

}  // namespace weir::storage
