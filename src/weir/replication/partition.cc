#include "weir/replication/partition.h"

#include <algorithm>

namespace weir::replication {

Partition::Partition(runtime::Environment& environment, storage::TopicPartition name, Uuid topic_id, storage::Log& log)
    : environment_(environment), name_(std::move(name)), topic_id_(topic_id), log_(log) {
  log_.observe(this);
}

Partition::~Partition() {
  WEIR_ASSERT(references_ == 0, references_);
  // A partition whose log is gone was retired first and does not touch it any more.
  if (!retired_) log_.observe(nullptr);
}

void Partition::apply(const metadata::Partition& state, BrokerId self) {
  WEIR_ASSERT(!retired_);
  WEIR_ASSERT(state.leader_epoch >= leader_epoch_, state.leader_epoch, leader_epoch_);
  const bool led_before = is_leader();
  const LeaderEpoch epoch_before = leader_epoch_;
  self_ = self;
  leader_ = state.leader;
  leader_epoch_ = state.leader_epoch;
  replicas_ = state.replicas.size();
  isr_ = state.isr.size();
  if (is_leader()) {
    log_.begin_epoch(leader_epoch_);
    // A log that this broker alone holds is committed as far as it reaches.
    high_watermark_ = std::max(high_watermark_, std::min(log_.noted_high_watermark(), log_.written_end()));
    advance_high_watermark();
  }
  if (led_before != is_leader() || epoch_before != leader_epoch_) wake_all();
}

void Partition::configure(const PartitionConfig& config) {
  log_.set_options(config.log);
  rules_ = config.rules;
  min_insync_replicas_ = config.min_insync_replicas;
  if (is_leader()) advance_high_watermark();
}

void Partition::retire(ErrorCode reason) {
  if (retired_) return;
  retired_ = true;
  retired_reason_ = reason;
  log_.observe(nullptr);
  wake_all();
}

Task<void> Partition::unused() {
  WEIR_ASSERT(retired_);
  while (references_ > 0) (void)co_await unreferenced_.wait(environment_.executor);
}

Result<void> Partition::check_usable() const {
  if (retired_) return fail(retired_reason_);
  if (log_.failure()) return fail(ErrorCode::kKafkaStorageError, log_.failure()->message());
  return {};
}

Result<void> Partition::check_leader(LeaderEpoch expected) const {
  WEIR_CHECK(check_usable());
  if (expected != kNoLeaderEpoch) {
    if (expected < leader_epoch_) return fail(ErrorCode::kFencedLeaderEpoch);
    if (expected > leader_epoch_) return fail(ErrorCode::kUnknownLeaderEpoch);
  }
  if (!is_leader()) return fail(ErrorCode::kNotLeaderOrFollower);
  return {};
}

Result<storage::AppendResult> Partition::append(SharedBytes batch, const storage::AppendInfo& info, int acks) {
  WEIR_CHECK(check_leader(kNoLeaderEpoch));
  const size_t wanted = std::min(static_cast<size_t>(std::max(min_insync_replicas_, 1)), replicas_);
  if (acks == -1 && isr_ < wanted) {
    return fail(ErrorCode::kNotEnoughReplicas, fmt::format("{} of {} replicas in sync, min.insync.replicas asks for {}", isr_, replicas_, min_insync_replicas_));
  }
  storage::AppendInfo stamped = info;
  stamped.leader_epoch = leader_epoch_;
  return log_.append(std::move(batch), stamped);
}

Result<void> Partition::check_leads_in(LeaderEpoch epoch) const {
  WEIR_CHECK(check_usable());
  if (leader_epoch_ != epoch || !is_leader()) return fail(ErrorCode::kNotLeaderOrFollower);
  return {};
}

// The epoch is looked at before the offset: in another epoch the offset may be another record's.
Task<Result<void>> Partition::committed(Offset last, LeaderEpoch epoch, Deadline deadline) {
  WEIR_ASSERT(epoch <= leader_epoch_, epoch, leader_epoch_);
  while (leader_epoch_ != epoch || high_watermark_ <= last) {
    WEIR_CO_CHECK(check_leads_in(epoch));
    WEIR_ASSERT(last < log_.end_offset(), last, log_.end_offset());
    const Result<void> woken = co_await progress_.wait(environment_.executor, deadline);
    if (!woken && high_watermark_ <= last) co_return fail(ErrorCode::kRequestTimedOut);
  }
  co_return Result<void>();
}

Task<Result<void>> Partition::written(Offset last, LeaderEpoch epoch, Deadline deadline) {
  // Nobody else has it: what acks=1 promises here is that a consumer finds it, and that is the high watermark.
  if (isr_ <= 1) co_return co_await committed(last, epoch, deadline);
  while (leader_epoch_ != epoch || log_.written_end() <= last) {
    WEIR_CO_CHECK(check_leads_in(epoch));
    const Result<void> woken = co_await progress_.wait(environment_.executor, deadline);
    if (!woken && log_.written_end() <= last) co_return fail(ErrorCode::kRequestTimedOut);
  }
  co_return Result<void>();
}

Offset Partition::log_start_offset() const { return log_.start_offset(); }
Offset Partition::log_end_offset() const { return log_.end_offset(); }
Offset Partition::last_stable_offset() const { return log_.last_stable_offset(high_watermark_); }

Offset Partition::readable_end(Isolation isolation) const {
  return isolation == Isolation::kReadCommitted ? last_stable_offset() : high_watermark_;
}

Task<Result<FetchedRecords>> Partition::fetch(Offset from, Isolation isolation, size_t bytes_max, bool at_least_one_batch, bool by_file) {
  FetchedRecords fetched;
  fetched.high_watermark = high_watermark_;
  fetched.last_stable_offset = last_stable_offset();
  fetched.log_start_offset = log_start_offset();
  if (isolation == Isolation::kReadCommitted) fetched.aborted.emplace();
  if (from < fetched.log_start_offset || from > log_end_offset()) co_return fail(ErrorCode::kOffsetOutOfRange);
  const Offset below = readable_end(isolation);
  if (from >= below || (bytes_max == 0 && !at_least_one_batch)) co_return fetched;

  storage::ReadResult read;
  WEIR_CO_TRY(std::optional<storage::ReadResult> cached, log_.read_tail(from, below, bytes_max, at_least_one_batch));
  std::optional<storage::LogRange> range;
  if (!cached && by_file) range = co_await log_.find_range(from, below, bytes_max);
  if (range) {
    fetched.bytes = range->file.size;
    fetched.file = std::move(range->file);
    read.next_offset = range->next_offset;
  } else {
    if (!cached) {
      WEIR_CO_TRY(cached, co_await log_.read(from, below, bytes_max, at_least_one_batch));
    }
    read = std::move(*cached);
    fetched.slices = std::move(read.slices);
    fetched.bytes = read.bytes;
  }
  if (fetched.aborted && fetched.bytes > 0) {
    WEIR_CO_TRY(fetched.aborted, co_await log_.aborted_transactions(from, read.next_offset));
  }
  co_return fetched;
}

Task<Result<Offset>> Partition::delete_records(Offset target, Deadline deadline) {
  WEIR_CO_CHECK(check_leader(kNoLeaderEpoch));
  // An empty policy, which keeps everything, does not forbid it: Kafka refuses where compaction alone decides what goes.
  if (!log_.options().cleanup_delete && rules().keys_required) {
    co_return fail(ErrorCode::kPolicyViolation, fmt::format("{} is compacted: its cleanup.policy has no \"delete\"", name_.topic));
  }
  if (target == kNoOffset) target = high_watermark_;
  if (target < Offset(0) || target > high_watermark_) {
    co_return fail(ErrorCode::kOffsetOutOfRange,
                   fmt::format("offset {} of {}-{} is not within 0 .. {}", target, name_.topic, name_.partition, high_watermark_));
  }
  const Result<void> moved = co_await log_.advance_start_offset(target, high_watermark_, deadline);
  if (!moved && moved.error().code() == ErrorCode::kDeadlineExceeded) co_return fail(ErrorCode::kRequestTimedOut);
  if (!moved) co_return fail(moved.error());
  co_return log_start_offset();
}

void Partition::on_written(Offset) {
  if (!log_.options().flush_on_ack) advance_high_watermark();
  progress_.notify_all();
}

void Partition::on_durable(Offset) {
  if (log_.options().flush_on_ack) advance_high_watermark();
}

void Partition::on_start_moved(Offset) { wake_all(); }

void Partition::on_failed(const Error& error) {
  environment_.log.error("{}-{} failed: {}", name_.topic, name_.partition, error.describe());
  wake_all();
}

void Partition::advance_high_watermark() {
  if (!is_leader() || isr_ > 1) return;
  const Offset committed_end = log_.options().flush_on_ack ? log_.durable_end() : log_.written_end();
  if (committed_end <= high_watermark_) return;
  high_watermark_ = committed_end;
  WEIR_ASSERT(high_watermark_ <= log_.end_offset(), high_watermark_, log_.end_offset());
  log_.note_high_watermark(high_watermark_);
  wake_all();
}

void Partition::wake_all() {
  progress_.notify_all();
  watches_.for_each([](PartitionWatch& watch) { watch.on_progress(); });
}

}  // namespace weir::replication
