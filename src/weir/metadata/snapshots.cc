#include "weir/metadata/snapshots.h"

#include "weir/metadata/records.h"
#include "weir/storage/log_options.h"

namespace weir::metadata {

using runtime::Task;

Snapshots::Snapshots(runtime::Environment& environment, raft::Quorum& quorum, const ImagePublisher& images,
                     SnapshotOptions options)
    : environment_(environment),
      quorum_(quorum),
      images_(images),
      options_(options),
      due_bytes_(options.bytes),
      tasks_(environment.executor) {}

void Snapshots::start() {
  if (options_.interval_ms > 0) tasks_.spawn(&Snapshots::write_by_time, this);
}

void Snapshots::on_committed() {
  if (writing_ || stop_.stop_requested() || quorum_.bytes_since_snapshot() < due_bytes_) return;
  tasks_.spawn(&Snapshots::write_one, this);
}

Task<Result<raft::SnapshotId>> Snapshots::write() {
  if (images_.in_transaction()) co_return fail(ErrorCode::kUnavailable, "a metadata transaction is open");
  if (writing_) co_return fail(ErrorCode::kUnavailable, "a snapshot is being written");
  // The image and the quorum's place in the log belong together: nothing may suspend between the two.
  const MetadataImage& state = images_.committed();
  const TimestampMs timestamp = state.timestamp;
  WEIR_CO_TRY(std::vector<Bytes> values, encode_records(records_of(state), state.feature_level("metadata.version")));
  writing_ = true;
  const Result<raft::SnapshotId> written = co_await quorum_.write_snapshot(std::move(values), timestamp);
  writing_ = false;
  co_return written;
}

Task<void> Snapshots::stop() {
  stop_.request_stop();
  const Result<void> joined = co_await tasks_.join();
  WEIR_ASSERT(joined.has_value());
}

Task<void> Snapshots::write_one(Snapshots* self) {
  const Result<raft::SnapshotId> written = co_await self->write();
  if (!written && written.error().code() == ErrorCode::kUnavailable) co_return;
  self->due_bytes_ = self->options_.bytes + (written ? 0 : self->quorum_.bytes_since_snapshot());
  if (written) co_return;
  self->environment_.log.error("cannot write a metadata snapshot: {}", written.error().describe());
}

Task<void> Snapshots::write_by_time(Snapshots* self) {
  const Duration interval = storage::duration_of_ms(self->options_.interval_ms);
  runtime::Executor& executor = self->environment_.executor;
  while (co_await runtime::sleep_until(executor, executor.now() + interval, self->stop_.token())) {
    if (self->quorum_.bytes_since_snapshot() > 0) co_await write_one(self);
  }
}

}  // namespace weir::metadata
