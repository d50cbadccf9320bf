#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/log_core.h"

namespace weir::storage {
namespace {

constexpr size_t kPartsPerWrite = 1024;             // IOV_MAX
constexpr size_t kBytesPerWrite = size_t{8} << 20;  // so that readers and flushes see progress
constexpr Duration kSpaceRetry = 1s;

// A sync that was tried and failed is the end of the directory, also for lack of space: nobody knows what reached the disk.
Result<void> final_if_failed(Result<void> synced) {
  if (synced || synced.error().code() != ErrorCode::kNoSpace) return synced;
  return fail(ErrorCode::kDiskError, synced.error().describe());
}

}  // namespace

void Log::Core::on_turn_end() {
  if (writer_running_ || queue_.empty()) return;
  writer_running_ = true;
  tasks_.spawn(&Core::write_queue, this);
}

Task<void> Log::Core::write_queue(Core* core) {
  while (!core->queue_.empty() && !core->failure) {
    std::swap(core->queue_, core->in_flight_);
    core->in_flight_done_ = 0;
    Result<void> written = co_await core->write_in_flight();
    while (!written && is_passing(written.error()) && !core->failure) {
      written = co_await core->wait_for_space(written.error());
      if (written && !core->failure) written = co_await core->write_in_flight();
    }
    core->in_flight_.clear();
    if (!written) core->io_failed(written.error());
  }
  if (core->stalled_) core->go_on();
  core->writer_running_ = false;
  core->writer_waiters_.notify_all();
}

// Cuts off what was half written, so that file and memory agree again, and waits a while, also where the cut must be tried again.
// Errors: that of the cut; kKafkaStorageError (the log is closing).
Task<Result<void>> Log::Core::wait_for_space(Error cause) {
  if (!stalled_) {
    stalled_ = true;
    services.directory.note_stalled(cause);
    writer_waiters_.notify_all();
  }
  const std::shared_ptr<Segment> segment = writing_;
  Result<void> cut;
  if (const std::shared_ptr<runtime::File> file = segment->open_log_file()) {
    cut = co_await file->truncate(static_cast<uint64_t>(segment->written_bytes()));
  }
  if (!cut && !is_passing(cut.error())) co_return cut;
  const Result<void> slept = co_await runtime::sleep_until(executor(), executor().now() + kSpaceRetry, stop_.token());
  if (slept) co_return cut;
  fail_with(Error(ErrorCode::kKafkaStorageError, fmt::format("log {} was closed while it waited for space: {}", path, cause.describe())));
  co_return fail(*failure);
}

void Log::Core::go_on() {
  WEIR_ASSERT(stalled_);
  stalled_ = false;
  services.directory.note_going_on();
}

// Everything taken from the queue: one write for each run of batches that goes to one file. Errors that pass leave the rest in
// in_flight_, from in_flight_done_ on.
Task<Result<void>> Log::Core::write_in_flight() {
  size_t& at = in_flight_done_;
  while (at < in_flight_.size()) {
    if (in_flight_[at].rolled_snapshot != nullptr) WEIR_CO_CHECK(co_await begin_file(in_flight_[at]));
    const std::shared_ptr<Segment> segment = writing_;
    std::shared_ptr<runtime::File> file = segment->open_log_file();
    if (file == nullptr) {
      WEIR_CO_TRY(file, co_await segment->log_file(runtime::OpenMode::kCreate));
      if (segment->written_bytes() == 0) ++directory_changes_;   // only now: a flush under way must not take this for done
    }
    parts_.clear();
    size_t bytes = 0;
    size_t next = at;
    while (next < in_flight_.size() && parts_.size() < kPartsPerWrite && bytes < kBytesPerWrite) {
      if (next > at && in_flight_[next].rolled_snapshot != nullptr) break;
      parts_.push_back(in_flight_[next].bytes.view());
      bytes += in_flight_[next].bytes.size();
      ++next;
    }
    if (bytes == 0) {   // roll_now()
      at = next;
      continue;
    }
    WEIR_CO_CHECK(co_await file->write_at(static_cast<uint64_t>(segment->written_bytes()), parts_));
    if (stalled_) go_on();
    segment->note_written(bytes);
    const Offset reached = in_flight_[next - 1].next_offset;
    at = next;
    advance_written(reached);
    if (segment->must_spill()) {
      const Result<void> spilled = co_await segment->write_indexes();
      if (!spilled && !is_passing(spilled.error())) co_return spilled;   // else they stay in memory
    }
  }
  co_return Result<void>();
}

// The segment before is complete: it is synced, its indexes and a producer snapshot go to disk, and the next file begins.
// In this order, so that after a crash a later segment is never there without all of an earlier one: nobody could tell such
// a hole from the gaps that compaction makes.
Task<Result<void>> Log::Core::begin_file(Queued& first) {
  const std::shared_ptr<Segment> before = writing_;
  WEIR_ASSERT(before->is_complete(), before->written_bytes(), before->size_bytes());
  if (!before->is_synced()) {
    WEIR_CO_TRY(const auto file, co_await before->log_file());
    const Result<void> synced = co_await file->sync_data();
    WEIR_CO_CHECK(final_if_failed(synced));
    before->note_synced(before->written_bytes());
  }
  const Result<void> named = co_await sync_directory();
  WEIR_CO_CHECK(final_if_failed(named));
  WEIR_CO_CHECK(co_await before->write_indexes());
  WEIR_CO_CHECK(co_await write_snapshot(first.base_offset, *first.rolled_snapshot));
  const std::shared_ptr<Segment> next = segments_[segment_index(first.base_offset)];
  WEIR_ASSERT(next->base_offset() == first.base_offset, next->base_offset(), first.base_offset);
  // The file is there before the segments behind it may go, though nothing may be written to it for long: its name says where the
  // log is when they are gone.
  const auto created = co_await next->log_file(runtime::OpenMode::kCreate);
  if (!created) co_return fail(created.error());
  ++directory_changes_;
  first.rolled_snapshot.reset();
  writing_ = next;
  writer_waiters_.notify_all();
  // Its indexes are synced by the next flush, whatever the topic says about flushing: then it needs no recovery any more.
  request_flush();
  co_return Result<void>();
}

void Log::Core::advance_written(Offset offset) {
  WEIR_ASSERT(offset > written_end && offset <= end, offset, written_end, end);
  written_end = offset;
  written_waiters_.notify_all();
  if (observer != nullptr) observer->on_written(written_end);
  // A segment that is nearly full is synced beside the appends, so that the roll has little to wait for.
  const bool nearly_full = writing_->becomes_nearly_full(options.segment_bytes);
  const bool flush_now = options.flush_on_ack || nearly_full || flush_wanted_ > durable_end ||
                         written_end - durable_end >= options.flush_messages;
  if (flush_now) request_flush();
  else arm_flush_timer();
}

}  // namespace weir::storage
