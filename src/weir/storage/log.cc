#include "weir/storage/log.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/log_core.h"

namespace weir::storage {

Log::Core::Core(LogServices given, std::string dir, LogOptions log_options)
    : services(given), path(std::move(dir)), options(log_options), tail_(services.tail_cache), tasks_(executor()) {
  services.directory.add_user(*this);
}

Log::Core::~Core() {
  // Without a clean stop a flush may be inside sync_dirty(): its frames go before what they use.
  if (syncs_ > 0) services.directory.flushes().abort();
}

std::string Log::Core::file_path(std::string_view name) const { return fmt::format("{}/{}", path, name); }

std::shared_ptr<Segment> Log::Core::make_segment(Offset base, TimestampMs now) {
  const int64_t jitter_max = std::min(options.segment_jitter_ms, options.segment_ms);
  int64_t jitter = 0;
  if (jitter_max > 0) jitter = static_cast<int64_t>(services.environment.random.word() % static_cast<uint64_t>(jitter_max));
  return std::make_shared<Segment>(services.files, path, base, now, jitter);
}

std::shared_ptr<Segment> Log::Core::make_segment(Offset base) { return make_segment(base, services.environment.clock.wall_ms()); }

size_t Log::Core::segment_index(Offset offset) const {
  WEIR_ASSERT(!segments_.empty());
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), offset,
                                      [](Offset wanted, const auto& segment) { return wanted < segment->base_offset(); });
  return after == segments_.begin() ? 0 : static_cast<size_t>(after - segments_.begin()) - 1;
}

std::optional<Error> Log::Core::refusal() const {
  if (failure) return failure;
  if (services.directory.is_offline()) return services.directory.offline_error();
  if (closing_) return Error(ErrorCode::kKafkaStorageError, fmt::format("log {} is closed", path));
  return std::nullopt;
}

Result<void> Log::Core::ready() const {
  if (auto error = refusal()) return fail(std::move(*error));
  return {};
}

void Log::Core::fail_with(const Error& error) {
  if (failure) return;
  failure = error;
  queue_.clear();
  tail_.clear();
  written_waiters_.notify_all();
  durable_waiters_.notify_all();
  writer_waiters_.notify_all();
  if (observer != nullptr) observer->on_failed(*failure);
}

void Log::Core::io_failed(const Error& error) {
  // Damage that was read concerns this log alone; anything else is the disk's.
  if (error.code() == ErrorCode::kCorruptMessage || error.code() == ErrorCode::kMalformedFile) {
    fail_with(Error(ErrorCode::kKafkaStorageError, fmt::format("log {}: {}", path, error.describe())));
  } else if (failure) {
    return;   // nothing new
  } else {
    services.directory.take_offline(error);
  }
}

Task<void> Log::Core::wait_for_writer() {
  while (writer_running_ || (!queue_.empty() && !failure)) {
    const Result<void> woken = co_await writer_waiters_.wait(executor());
    WEIR_ASSERT(woken.has_value());
  }
}

Task<Result<void>> Log::Core::writer_idle() {
  while (!stalled_ && (writer_running_ || (!queue_.empty() && !failure))) {
    const Result<void> woken = co_await writer_waiters_.wait(executor());
    WEIR_ASSERT(woken.has_value());
  }
  if (stalled_) co_return fail(ErrorCode::kKafkaStorageError, fmt::format("log {} waits for space on its disk", path));
  co_return ready();
}

Task<Result<void>> Log::Core::wait_written(Offset offset, Deadline deadline) {
  while (written_end < offset) {
    if (failure) co_return fail(*failure);
    const Result<void> woken = co_await written_waiters_.wait(executor(), deadline);
    if (!woken && written_end < offset) co_return woken;
  }
  co_return Result<void>();
}

Task<Result<void>> Log::Core::wait_durable(Offset offset, Deadline deadline) {
  while (durable_end < offset) {
    if (failure) co_return fail(*failure);
    flush_wanted_ = std::max(flush_wanted_, std::min(offset, end));
    if (written_end > durable_end) request_flush();
    const Result<void> woken = co_await durable_waiters_.wait(executor(), deadline);
    if (!woken && durable_end < offset) co_return woken;
  }
  co_return Result<void>();
}

Offset Log::Core::recovery_point() const {
  Offset point = durable_end;
  for (const auto& segment : segments_) {
    if (segment->awaits_index_sync()) {
      point = std::min(point, segment->base_offset());
      break;
    }
  }
  if (epochs_unsaved_from_) point = std::min(point, *epochs_unsaved_from_);
  return std::max(point, std::min(log_start, durable_end));
}

int64_t Log::Core::size_bytes() const {
  int64_t size = 0;
  for (const auto& segment : segments_) size += segment->size_bytes();
  return size;
}

Task<Result<void>> Log::Core::flush() {
  WEIR_CO_CHECK(co_await wait_written(end, Deadline::never()));
  co_await sync_dirty();
  co_return ready();
}

Task<Result<void>> Log::Core::close() {
  WEIR_ASSERT(!closing_);
  closing_ = true;
  disarm();
  stop_.request_stop();
  co_await wait_for_writer();
  const Result<void> joined = co_await tasks_.join();
  WEIR_ASSERT(joined.has_value());
  if (!failure) co_await sync_dirty();
  Result<void> done;
  {
    const Result<void> alone = co_await maintenance_.acquire(executor());
    WEIR_ASSERT(alone.has_value());
    const runtime::HeldPermit held(maintenance_);
    if (failure) done = fail(*failure);
    else done = co_await leave_files_complete();
    let_go();
  }
  co_await wait_for_syncs();
  co_return done;
}

// What a later clean start relies on: everything synced, a snapshot at the end, indexes of exact size.
Task<Result<void>> Log::Core::leave_files_complete() {
  WEIR_ASSERT(closing_ && !failure);
  Result<void> done;
  const bool snapshot_due = end > Offset(0) && (snapshots_.empty() || snapshots_.back() < end);
  const Bytes snapshot = snapshot_due ? producers.snapshot() : Bytes();
  if (snapshot_due) done = co_await write_snapshot(end, snapshot);
  for (size_t i = 0; done && i < segments_.size(); ++i) {
    Segment& segment = *segments_[i];
    if (segment.indexes_synced()) continue;
    if (!segment.is_sealed()) segment.seal();
    if (segment.size_bytes() == 0) {
      const auto file = co_await segment.log_file(runtime::OpenMode::kCreate);
      if (!file) done = fail(file.error());
    }
    if (done) done = co_await segment.write_indexes();
    if (done) done = co_await segment.sync_indexes();
    ++directory_changes_;
  }
  if (done) done = co_await sync_files(written_end);
  if (!done && !failure) {
    // Without space there is no clean stop, and the next start recovers; nothing is wrong with the disk.
    if (is_passing(done.error())) fail_with(Error(ErrorCode::kKafkaStorageError, done.error().describe()));
    else io_failed(done.error());
  }
  // A clean start would believe an index that was found to lie: without it the segment is read again.
  for (size_t i = 0; done && i < segments_.size(); ++i) {
    if (segments_[i]->indexes_damaged()) done = co_await disk().remove(segments_[i]->path(kOffsetIndexSuffix));
  }
  for (size_t i = 0; done && i < segments_.size(); ++i) segments_[i]->note_indexes_synced();   // recovery_point() is the end
  co_return done;
}

// Nothing begins on its own any more.
void Log::Core::let_go() {
  Flushable::unlink();
  runtime::TurnHook::unlink();
  tail_.clear();
  for (const auto& segment : segments_) segment->close_files();
  observer = nullptr;
}

// A flush may stand in line for the files behind a close: it must have passed before the log is destroyed.
Task<void> Log::Core::wait_for_syncs() {
  while (syncs_ > 0) {
    const Result<void> woken = co_await syncs_over_.wait(executor());
    WEIR_ASSERT(woken.has_value());
  }
}

Task<void> Log::Core::abandon() {
  closing_ = true;
  disarm();
  stop_.request_stop();
  observer = nullptr;
  queue_.clear();
  writer_waiters_.notify_all();
  co_await wait_for_writer();
  const Result<void> joined = co_await tasks_.join();
  WEIR_ASSERT(joined.has_value());
  {
    const Result<void> alone = co_await maintenance_.acquire(executor());
    WEIR_ASSERT(alone.has_value());
    const runtime::HeldPermit held(maintenance_);
    let_go();
    fail_with(Error(ErrorCode::kKafkaStorageError, fmt::format("log {} is closed", path)));
  }
  co_await wait_for_syncs();
}

Log::Log(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Log::~Log() = default;

Task<Result<std::unique_ptr<Log>>> Log::open(LogServices services, std::string path, LogOptions options, LogRecovery recovery) {
  auto core = std::make_unique<Core>(services, std::move(path), options);
  WEIR_CO_CHECK(co_await core->load(recovery));
  co_return std::unique_ptr<Log>(new Log(std::move(core)));
}

std::unique_ptr<Log> Log::make(LogServices services, std::string path, LogOptions options) {
  auto core = std::make_unique<Core>(services, std::move(path), options);
  core->begin_empty();
  return std::unique_ptr<Log>(new Log(std::move(core)));
}

Result<AppendResult> Log::append(SharedBytes batch, const AppendInfo& info) { return core_->append(std::move(batch), info); }

void Log::begin_epoch(LeaderEpoch epoch) {
  if (core_->epochs.assign(epoch, core_->end)) core_->note_epoch(core_->end);
}

Offset Log::start_offset() const { return core_->log_start; }
Offset Log::end_offset() const { return core_->end; }
Offset Log::written_end() const { return core_->written_end; }
Offset Log::durable_end() const { return core_->durable_end; }
Offset Log::recovery_point() const { return core_->recovery_point(); }
int64_t Log::size_bytes() const { return core_->size_bytes(); }
Offset Log::oldest_segment() const { return core_->oldest_segment(); }
const std::string& Log::path() const { return core_->path; }
LeaderEpoch Log::latest_epoch() const { return core_->epochs.latest(); }
const std::optional<Error>& Log::failure() const { return core_->failure; }

Task<Result<void>> Log::written(Offset offset, Deadline deadline) { return core_->wait_written(offset, deadline); }
Task<Result<void>> Log::durable(Offset offset, Deadline deadline) { return core_->wait_durable(offset, deadline); }
void Log::observe(LogObserver* observer) {
  WEIR_ASSERT(observer == nullptr || core_->observer == nullptr);
  core_->observer = observer;
}

Task<Result<ReadResult>> Log::read(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch) {
  return core_->read(from, below, bytes_max, at_least_one_batch);
}
Result<std::optional<ReadResult>> Log::read_tail(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch) const {
  return core_->read_tail(from, below, bytes_max, at_least_one_batch);
}
Task<std::optional<LogRange>> Log::find_range(Offset from, Offset below, size_t bytes_max) {
  return core_->find_range(from, below, bytes_max);
}
Task<Result<std::optional<TimestampOffset>>> Log::offset_for_timestamp(TimestampMs target, Offset below, codec::Codecs& codecs) {
  return core_->offset_for_timestamp(target, below, codecs);
}
Task<Result<std::optional<TimestampOffset>>> Log::max_timestamp(codec::Codecs& codecs, Deadline deadline) {
  return core_->max_timestamp(codecs, deadline);
}

EpochEnd Log::end_offset_for_epoch(LeaderEpoch epoch) const {
  const LeaderEpochCache::End found = core_->epochs.end_of(epoch, core_->end);
  return {found.leader_epoch, found.end_offset};
}
LeaderEpoch Log::epoch_at(Offset offset) const { return core_->epochs.at(offset); }

Task<Result<std::vector<AbortedTransaction>>> Log::aborted_transactions(Offset from, Offset below) {
  return core_->aborted_transactions(from, below);
}

Offset Log::last_stable_offset(Offset high_watermark) const {
  const std::optional<Offset> unstable = core_->producers.first_unstable(high_watermark);
  return unstable && *unstable < high_watermark ? std::max(*unstable, core_->log_start) : high_watermark;
}

std::vector<ProducerInfo> Log::producers() const {
  std::vector<ProducerInfo> rows;
  for (const auto& [id, entry] : core_->producers.producers()) {
    rows.push_back({id, entry.epoch, entry.last_sequence(), entry.last_timestamp, entry.coordinator_epoch, entry.transaction_start});
  }
  std::sort(rows.begin(), rows.end(), [](const ProducerInfo& a, const ProducerInfo& b) { return a.producer_id < b.producer_id; });
  return rows;
}

Task<Result<void>> Log::advance_start_offset(Offset offset, Offset high_watermark, Deadline deadline) {
  return core_->advance_start_offset(offset, high_watermark, deadline);
}
Task<Result<void>> Log::truncate_to(Offset offset) { return core_->truncate_to(offset); }
Task<Result<void>> Log::truncate_fully_and_start_at(Offset offset) { return core_->truncate_fully_and_start_at(offset); }
Task<Result<int>> Log::apply_retention(Offset high_watermark, TimestampMs now) { return core_->apply_retention(high_watermark, now); }
Task<Result<void>> Log::flush() { return core_->flush(); }
Task<Result<void>> Log::close() { return core_->close(); }
Task<void> Log::abandon() { return core_->abandon(); }

const LogOptions& Log::options() const { return core_->options; }
void Log::set_options(const LogOptions& options) {
  const bool planted = core_->options.planted_ack_before_sync;  // the test's, not the topic's: stays
  core_->options = options;
  core_->options.planted_ack_before_sync |= planted;
}
void Log::note_high_watermark(Offset high_watermark) { core_->noted_high_watermark = high_watermark; }
Offset Log::noted_high_watermark() const { return core_->noted_high_watermark; }

}  // namespace weir::storage
