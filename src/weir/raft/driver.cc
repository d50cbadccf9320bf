// The quorum over a real log: moves bytes between the core, storage and the state machine.
#include <algorithm>
#include <deque>

#include <fmt/format.h>

#include "weir/base/internal_topics.h"
#include "weir/raft/control_records.h"
#include "weir/raft/core.h"
#include "weir/raft/quorum.h"
#include "weir/raft/snapshot.h"
#include "weir/runtime/semaphore.h"
#include "weir/storage/log.h"
#include "weir/storage/log_directory.h"
#include "weir/storage/partition_metadata.h"

namespace weir::raft {
namespace {

using runtime::Task;

constexpr size_t kReplayBytes = 1u << 20;  // read at once while replaying

// A batch appended and not yet applied.
struct Pending {
  Offset base_offset;
  Offset end;
  TimestampMs timestamp;
  std::vector<Bytes> values;
  size_t size_bytes;
};

class Driver final : public Quorum {
 public:
  Driver(storage::LogServices services, QuorumOptions options, StateMachine& machine)
      : services_(services),
        environment_(services.environment),
        options_(std::move(options)),
        machine_(machine),
        core_(options_.node_id, options_.directory_id),
        dir_(fmt::format("{}/{}", options_.dir, kMetadataLogName)) {}

  Task<Result<void>> start() {
    WEIR_CO_CHECK(co_await open_files());
    WEIR_CO_CHECK(co_await replay());
    WEIR_CO_CHECK(check_voters());
    co_return co_await become_leader();
  }

  Offset next_offset() const override { return log_->end_offset(); }
  LeaderEpoch epoch() const override { return core_.epoch(); }
  uint64_t bytes_since_snapshot() const override { return bytes_since_snapshot_; }

  Task<Result<Offset>> append(std::vector<Bytes> values) override {
    if (const auto refused = refusal()) co_return fail(*refused);
    if (values.size() > kAppendRecordsMax) {
      co_return fail(ErrorCode::kRecordListTooLarge, fmt::format("{} records are more than one append takes", values.size()));
    }
    WEIR_ASSERT(!values.empty());
    const BatchPlace place{log_->end_offset(), core_.epoch(), environment_.clock.wall_ms()};
    WEIR_CO_TRY(Bytes batch, data_batch(place, values));
    if (batch.size() > kBatchBytesMax) {
      co_return fail(ErrorCode::kRecordListTooLarge,
                     fmt::format("a batch of {} bytes is more than one append takes", batch.size()));
    }
    const auto count = static_cast<int64_t>(values.size());
    WEIR_CO_TRY(const Offset end, append_batch(batch, place, count, std::move(values)));
    WEIR_CO_CHECK(co_await commit(end));
    co_return end.prev();
  }

  Task<Result<SnapshotId>> write_snapshot(std::vector<Bytes> values, TimestampMs last_timestamp) override {
    if (const auto refused = refusal()) co_return fail(*refused);
    const SnapshotId id{applied_end_, applied_epoch_};
    const uint64_t bytes_before = bytes_since_snapshot_;
    SnapshotContent content{last_timestamp, control_.voters, std::move(values)};
    WEIR_CO_CHECK(co_await write_snapshot_file(environment_.disk, dir_, snapshot_file_name(id), std::move(content), id.epoch,
                                               environment_.clock.wall_ms()));
    bytes_since_snapshot_ -= std::min(bytes_since_snapshot_, bytes_before);
    environment_.log.info("wrote metadata snapshot {}", snapshot_file_name(id));
    WEIR_CO_CHECK(co_await apply_retention());
    co_return id;
  }

  QuorumDescription describe() const override {
    QuorumDescription description;
    description.leader = core_.leader();
    description.epoch = core_.epoch();
    description.kraft_version = control_.kraft_version;
    description.high_watermark = core_.high_watermark();
    const TimestampMs now = environment_.clock.wall_ms();
    description.voters.push_back({options_.node_id, options_.directory_id, core_.log_end(), now, now});
    description.voter_set = control_.voters.empty() ? std::vector<Voter>{self_as_voter()} : control_.voters;
    return description;
  }

  // After a start that failed: nothing of the log may be left running when this is destroyed.
  Task<void> abandon() {
    closed_ = true;
    if (log_ != nullptr) co_await log_->abandon();
  }
  Task<Result<void>> close() override {
    if (closed_) co_return Result<void>();
    closed_ = true;
    if (log_ == nullptr) co_return Result<void>();
    if (!failure_) (void)co_await commit(log_->end_offset());  // what fails it is in failure_
    if (!failure_) co_return co_await log_->close();
    // Whatever happened, nothing of the log may be left running.
    co_await log_->abandon();
    co_return fail(*failure_);
  }

 private:
  Voter self_as_voter() const { return {options_.node_id, options_.directory_id, options_.listeners}; }

  std::optional<Error> refusal() const {
    if (failure_) return failure_;
    if (closed_) return Error(ErrorCode::kUnavailable, "the metadata quorum is closed");
    return std::nullopt;
  }
  Error failed_with(const Error& error) {
    if (!failure_) {
      failure_ = error;
      environment_.log.error("the metadata log failed and this node can decide nothing more: {}", error.describe());
    }
    return error;
  }

  Task<Result<void>> open_files() {
    WEIR_CO_CHECK(co_await environment_.disk.create_directories(dir_));
    WEIR_CO_TRY(const Uuid topic, co_await storage::read_partition_metadata(environment_.disk, dir_));
    if (topic.is_zero()) {
      WEIR_CO_CHECK(co_await storage::write_partition_metadata(environment_.disk, dir_, kMetadataTopicId));
    } else if (topic != kMetadataTopicId) {
      co_return fail(ErrorCode::kMalformedFile,
                     fmt::format("{}/partition.metadata has topic id {}, not that of {}", dir_, topic, kMetadataLogName));
    }
    WEIR_CO_TRY(snapshots_, co_await list_snapshots(environment_.disk, dir_));
    storage::LogOptions log_options;
    log_options.segment_bytes = static_cast<int64_t>(options_.segment_bytes);
    log_options.flush_on_ack = true;
    log_options.cleanup_delete = false;  // snapshots decide what may go
    storage::LogRecovery recovery;
    if (!snapshots_.empty()) {
      // Everything below a snapshot was durable before it was written.
      recovery.recovery_point = snapshots_.back().id.end;
      recovery.log_start = snapshots_.front().id.end;
    }
    WEIR_CO_TRY(log_, co_await storage::Log::open(services_, dir_, log_options, recovery));
    // What was found may not have been synced; from here on it is.
    WEIR_CO_CHECK(co_await log_->flush());
    WEIR_CO_TRY(election_, co_await read_quorum_state(environment_.disk, dir_));
    co_return Result<void>();
  }

  Task<Result<void>> replay() {
    applied_end_ = log_->start_offset();
    if (!snapshots_.empty()) WEIR_CO_CHECK(co_await replay_snapshot());
    const Offset end = log_->end_offset();
    if (applied_end_ < log_->start_offset()) {
      co_return fail(ErrorCode::kMalformedFile,
                     fmt::format("{}: the log begins at {}, and no snapshot holds what came before", dir_, log_->start_offset()));
    }
    while (applied_end_ < end) {
      WEIR_CO_TRY(const storage::ReadResult read, co_await log_->read(applied_end_, end, kReplayBytes, true));
      if (read.slices.empty())
        co_return fail(ErrorCode::kMalformedFile, fmt::format("{}: nothing at offset {}", dir_, applied_end_));
      for (const SharedBytes& slice : read.slices) {
        const Result<void> applied =
            for_each_batch(slice.view(), [&](const record::BatchView& batch) { return replay_batch(batch); });
        if (!applied) co_return fail(applied.error().within(dir_));
      }
    }
    co_return Result<void>();
  }

  Task<Result<void>> replay_snapshot() {
    const SnapshotId id = snapshots_.back().id;
    const std::string path = fmt::format("{}/{}", dir_, snapshot_file_name(id));
    WEIR_CO_TRY(const LoadedSnapshot snapshot, co_await load_snapshot_file(environment_.disk, path));
    control_ = snapshot.control;
    if (id.end > log_->end_offset()) WEIR_CO_CHECK(co_await log_->truncate_fully_and_start_at(id.end));
    applied_end_ = id.end;
    applied_epoch_ = id.epoch;
    if (id.end == Offset(0)) co_return Result<void>();  // the formatter's: voters only
    WEIR_CO_CHECK(machine_.begin_snapshot(id, *snapshot.control.snapshot_timestamp));
    const Result<void> visited =
        visit_snapshot(snapshot, [&](const std::vector<ByteView>& values) { return machine_.apply_snapshot(values); });
    if (!visited) co_return fail(visited.error().within(path));
    co_return machine_.end_snapshot();
  }

  Result<void> replay_batch(const record::BatchView& batch) {
    if (batch.next_offset() <= applied_end_) return {};  // the read began with the batch that holds the offset
    CommittedBatch committed{batch.base_offset(), batch.leader_epoch(), batch.max_timestamp(), {}};
    Bytes scratch;
    if (batch.is_control()) {
      WEIR_CHECK(read_control_batch(batch, control_));
    } else {
      WEIR_TRY(committed.values, read_data_batch(batch, scratch));
    }
    WEIR_CHECK(apply(committed, batch.next_offset()));
    bytes_since_snapshot_ += batch.size_bytes();
    return {};
  }

  Result<void> apply(const CommittedBatch& committed, Offset end) {
    WEIR_ASSERT(end > applied_end_, end, applied_end_);
    const Result<void> applied = machine_.apply(committed);
    if (!applied) return applied;
    applied_end_ = end;
    applied_epoch_ = committed.epoch;
    return {};
  }

  Result<void> check_voters() const {
    for (const Voter& voter : control_.voters) {
      if (voter.id == options_.node_id && voter.directory_id == options_.directory_id) continue;
      return fail(
          ErrorCode::kUnsupportedFeature,
          fmt::format(
              "the metadata quorum in {} has node {} with directory {} as a voter, and this is node {} with directory {}; "
              "this version of Weir serves a quorum of one: start it on the directory of that voter, or remove the "
              "voter with the server that made the quorum (kafka-metadata-quorum.sh remove-controller)",
              dir_, voter.id, voter.directory_id, options_.node_id, options_.directory_id));
    }
    for (const BrokerId voter : election_.voters) {
      if (voter == options_.node_id) continue;
      return fail(ErrorCode::kUnsupportedFeature,
                  fmt::format("the metadata quorum in {} has node {} as a voter; this version of Weir serves a quorum of one",
                              dir_, voter));
    }
    return {};
  }

  Task<Result<void>> become_leader() {
    // A fresh log is one of kraft.version 1; an older one without a voter set stays as it is.
    const bool fresh = log_->end_offset() == Offset(0);
    if (fresh) control_.kraft_version = kKraftVersionMax;
    Core::Actions actions = core_.start(election_, log_->latest_epoch(), log_->end_offset());
    while (actions.persist) {
      ElectionState state = *actions.persist;
      if (control_.kraft_version == 0) state.voters = {options_.node_id};
      WEIR_CO_CHECK(co_await write_quorum_state(environment_.disk, dir_, std::move(state), control_.kraft_version));
      actions = core_.persisted();
    }
    WEIR_ASSERT(actions.open_epoch);
    const std::vector<Voter> voters{self_as_voter()};
    const bool say_voters = control_.kraft_version > 0 && (fresh || control_.voters != voters);
    if (control_.kraft_version > 0) control_.voters = voters;
    const BatchPlace place{log_->end_offset(), core_.epoch(), environment_.clock.wall_ms()};
    WEIR_CO_TRY(const Bytes batch,
                leader_change_batch(place, options_.node_id, {options_.node_id}, say_voters ? &voters : nullptr));
    WEIR_CO_TRY(const Offset end, append_batch(batch, place, say_voters ? 3 : 1, {}));
    WEIR_CO_CHECK(co_await commit(end));
    environment_.log.info("leads the metadata quorum in epoch {}", core_.epoch());
    co_return Result<void>();
  }

  // Queues the batch of `count` records; returns the offset after it.
  Result<Offset> append_batch(const Bytes& batch, const BatchPlace& place, int64_t count, std::vector<Bytes> values) {
    const storage::AppendInfo info{core_.epoch(), place.now, storage::AppendOrigin::kRaftLeader};
    const Result<storage::AppendResult> appended = log_->append(SharedBytes::copy_of(batch), info);
    if (!appended) return fail(failed_with(appended.error()));
    WEIR_ASSERT(appended->base_offset == place.base_offset, appended->base_offset, place.base_offset);
    const Offset end = place.base_offset + count;
    core_.appended(end);
    pending_.push_back({place.base_offset, end, place.now, std::move(values), batch.size()});
    return end;
  }

  // Waits until everything below `end` is on disk, then applies what that commits.
  Task<Result<void>> commit(Offset end) {
    const Result<void> durable = co_await log_->durable(end, Deadline::never());
    if (!durable) co_return fail(failed_with(durable.error()));
    if (failure_) co_return fail(*failure_);
    if (core_.durable(std::max(end, core_.high_watermark())).high_watermark_moved) {
      const Result<void> applied = apply_committed();
      if (!applied) co_return fail(failed_with(applied.error()));
    }
    co_return Result<void>();
  }

  Result<void> apply_committed() {
    while (!pending_.empty() && pending_.front().end <= core_.high_watermark()) {
      const Pending batch = std::move(pending_.front());
      pending_.pop_front();
      CommittedBatch committed{batch.base_offset, core_.epoch(), batch.timestamp, {}};
      for (const Bytes& value : batch.values) committed.values.emplace_back(value);
      WEIR_CHECK(apply(committed, batch.end));
      bytes_since_snapshot_ += batch.size_bytes;
    }
    return {};
  }

  // Drops the oldest snapshots while log and snapshots are too big or too old, never the newest; then the log below the
  // oldest one that is left.
  Task<Result<void>> apply_retention() {
    WEIR_CO_TRY(snapshots_, co_await list_snapshots(environment_.disk, dir_));
    uint64_t total = static_cast<uint64_t>(log_->size_bytes());
    for (const SnapshotFile& snapshot : snapshots_) total += snapshot.size_bytes;
    const TimestampMs now = environment_.clock.wall_ms();
    while (snapshots_.size() > 1) {
      const SnapshotFile oldest = snapshots_.front();
      const bool too_old = options_.retention_ms >= 0 && now - oldest.modified_ms > options_.retention_ms;
      const bool formatters = oldest.id.end == Offset(0);  // its voters stand in the log too
      if (total <= options_.retention_bytes && !too_old && !formatters) break;
      WEIR_CO_CHECK(co_await environment_.disk.remove(fmt::format("{}/{}", dir_, snapshot_file_name(oldest.id))));
      total -= std::min(total, oldest.size_bytes);
      snapshots_.erase(snapshots_.begin());
      co_await drop_log_below_oldest();
      total = static_cast<uint64_t>(log_->size_bytes());
      for (const SnapshotFile& snapshot : snapshots_) total += snapshot.size_bytes;
    }
    co_return co_await environment_.disk.sync_directory(dir_);
  }
  Task<void> drop_log_below_oldest() {
    const Result<void> moved = co_await log_->advance_start_offset(snapshots_.front().id.end, core_.high_watermark());
    if (!moved) environment_.log.warning("cannot drop old metadata segments: {}", moved.error().describe());
  }

  storage::LogServices services_;
  runtime::Environment& environment_;
  QuorumOptions options_;
  StateMachine& machine_;
  Core core_;
  std::string dir_;
  std::unique_ptr<storage::Log> log_;
  std::vector<SnapshotFile> snapshots_;
  ElectionState election_;
  ControlState control_;
  std::deque<Pending> pending_;
  Offset applied_end_{0};         // everything below was handed to the machine
  LeaderEpoch applied_epoch_{0};  // of the last batch handed over
  uint64_t bytes_since_snapshot_ = 0;
  std::optional<Error> failure_;
  bool closed_ = false;
};

}  // namespace

Task<Result<std::unique_ptr<Quorum>>> Quorum::open(storage::LogServices services, QuorumOptions options, StateMachine& machine) {
  auto driver = std::make_unique<Driver>(services, std::move(options), machine);
  const Result<void> started = co_await driver->start();
  if (!started) {
    co_await driver->abandon();
    co_return fail(started.error());
  }
  co_return std::unique_ptr<Quorum>(std::move(driver));
}

}  // namespace weir::raft
