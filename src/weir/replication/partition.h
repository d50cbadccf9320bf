// One replica of a partition on this broker: its role, its high watermark, and everybody who waits for it to move.
//
// Owner    PartitionManager, which tells it its role from the metadata image. It is the only writer of its log.
// Shard    the broker shard.
// Holds    - log_start_offset() <= last_stable_offset() <= high_watermark() <= log_end_offset()
//          - the high watermark never moves back while this broker leads
//          - with weir.flush.on.ack nothing above the durable end is ever shown to a consumer, so that an offset a consumer
//            has seen keeps its record through a power cut
//          - appends are taken only while this broker leads
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/intrusive_list.h"
#include "weir/metadata/image.h"
#include "weir/record/validate.h"
#include "weir/replication/partition_config.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/wait_queue.h"
#include "weir/storage/log.h"
#include "weir/storage/log_manager.h"

namespace weir::replication {

using runtime::Task;

enum class Isolation : int8_t { kReadUncommitted = 0, kReadCommitted = 1 };

// What went through since the broker started; read by metrics.
struct PartitionTraffic {
  uint64_t records_in = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  void count_in(uint64_t records, uint64_t bytes) {
    records_in += records;
    bytes_in += bytes;
  }
  PartitionTraffic& operator+=(const PartitionTraffic& other) {
    records_in += other.records_in;
    bytes_in += other.bytes_in;
    bytes_out += other.bytes_out;
    return *this;
  }
};

// Somebody who wants to hear that a partition moved: a slot of a fetch session. Leaves when destroyed.
class PartitionWatch : public ListHook {
 public:
  // The high watermark or the log start moved, or the partition's role, epoch or health changed: whatever a fetch is told.
  // Must not destroy any watch.
  virtual void on_progress() = 0;

 protected:
  ~PartitionWatch() = default;
};

struct FetchedRecords {
  std::vector<SharedBytes> slices;   // whole batches
  std::optional<FileRange> file;     // or they lie here, to be sent without being read
  size_t bytes = 0;
  Offset high_watermark;
  Offset last_stable_offset;
  Offset log_start_offset;
  std::optional<std::vector<storage::AbortedTransaction>> aborted;  // only for kReadCommitted
};

class Partition;

// Keeps a partition and its log from being destroyed while a request uses them; hold one across every co_await.
class PartitionRef {
 public:
  PartitionRef() = default;
  explicit PartitionRef(Partition* partition);
  PartitionRef(const PartitionRef& other) : PartitionRef(other.partition_) {}
  PartitionRef(PartitionRef&& other) noexcept : partition_(std::exchange(other.partition_, nullptr)) {}
  PartitionRef& operator=(PartitionRef other) noexcept {
    std::swap(partition_, other.partition_);
    return *this;
  }
  ~PartitionRef();

  explicit operator bool() const { return partition_ != nullptr; }
  Partition* operator->() const { return partition_; }
  Partition& operator*() const { return *partition_; }

 private:
  Partition* partition_ = nullptr;
};

class Partition final : private storage::LogObserver {
 public:
  Partition(runtime::Environment& environment, storage::TopicPartition name, Uuid topic_id, storage::Log& log);
  ~Partition();

  const storage::TopicPartition& name() const { return name_; }
  Uuid topic_id() const { return topic_id_; }

  // Takes the role the image gives: leader or follower of `state`, in its epoch.
  void apply(const metadata::Partition& state, BrokerId self);
  void configure(const PartitionConfig& config);
  const record::ValidationRules& rules() const { return rules_; }
  // The topic is going away, or the process: every waiter ends with `reason`; nothing is taken any more.
  void retire(ErrorCode reason);
  // Resolves when no PartitionRef is left; only after retire().
  Task<void> unused();

  bool is_retired() const { return retired_; }
  bool is_leader() const { return leader_ == self_ && !retired_; }
  BrokerId leader() const { return leader_; }
  LeaderEpoch leader_epoch() const { return leader_epoch_; }

  // Whether the caller's view of leadership agrees. kNoLeaderEpoch skips the epoch check.
  // Errors: kNotLeaderOrFollower, kFencedLeaderEpoch, kUnknownLeaderEpoch, kKafkaStorageError (the log failed).
  Result<void> check_leader(LeaderEpoch expected) const;

  // Queues one validated batch (see storage::Log::append). With acks = -1, kNotEnoughReplicas when the ISR is too small.
  Result<storage::AppendResult> append(SharedBytes batch, const storage::AppendInfo& info, int acks);
  // Resolves when `last`, which was appended in the leadership of `epoch`, is below the high watermark. Errors:
  // kRequestTimedOut, kNotLeaderOrFollower (also when this broker leads again, in a later epoch: what it had appended may be
  // gone, and another's record stand at its offset), kKafkaStorageError, and what retire() said.
  Task<Result<void>> committed(Offset last, LeaderEpoch epoch, Deadline deadline);
  // Resolves when it is written here (acks = 1); where no other replica is in sync, when it is committed. Errors as above.
  Task<Result<void>> written(Offset last, LeaderEpoch epoch, Deadline deadline);

  Offset log_start_offset() const;
  Offset log_end_offset() const;
  Offset high_watermark() const { return high_watermark_; }
  Offset last_stable_offset() const;
  // The first offset that a reader of that isolation may not see yet.
  Offset readable_end(Isolation isolation) const;

  // Moves the log start to `target`, kNoOffset for the high watermark, and returns where it is now: a lower target changes
  // nothing. It is safe once storage::LogManager::save_start_offsets() has returned. Errors: kPolicyViolation (the topic's
  // cleanup.policy is compact alone), kOffsetOutOfRange, those of check_leader(), kKafkaStorageError; kRequestTimedOut (others
  // have the files of the log until `deadline`).
  Task<Result<Offset>> delete_records(Offset target, Deadline deadline);

  // Whole batches from `from` that a reader of that isolation may see. Empty at the end.
  // Errors: kOffsetOutOfRange, kKafkaStorageError, kCorruptMessage.
  // `by_file` allows a range of a file in place of slices.
  Task<Result<FetchedRecords>> fetch(Offset from, Isolation isolation, size_t bytes_max, bool at_least_one_batch, bool by_file = false);

  void watch(PartitionWatch& watch) { watches_.push_back(watch); }
  PartitionTraffic& traffic() { return traffic_; }
  const PartitionTraffic& traffic() const { return traffic_; }
  storage::Log& log() { return log_; }
  const storage::Log& log() const { return log_; }

 private:
  friend class PartitionRef;
  void on_written(Offset written_end) override;
  void on_durable(Offset durable_end) override;
  void on_start_moved(Offset start) override;
  void on_failed(const Error& error) override;
  void advance_high_watermark();
  void wake_all();
  Result<void> check_usable() const;
  Result<void> check_leads_in(LeaderEpoch epoch) const;

  runtime::Environment& environment_;
  storage::TopicPartition name_;
  Uuid topic_id_;
  storage::Log& log_;
  BrokerId self_ = kNoBroker;
  BrokerId leader_ = kNoBroker;
  LeaderEpoch leader_epoch_ = kNoLeaderEpoch;
  size_t replicas_ = 1;
  size_t isr_ = 1;
  int min_insync_replicas_ = 1;
  record::ValidationRules rules_;
  Offset high_watermark_{0};
  bool retired_ = false;
  ErrorCode retired_reason_ = ErrorCode::kNone;
  PartitionTraffic traffic_;
  size_t references_ = 0;
  runtime::WaitQueue progress_;
  runtime::WaitQueue unreferenced_;
  IntrusiveList<PartitionWatch> watches_;
};

inline PartitionRef::PartitionRef(Partition* partition) : partition_(partition) {
  if (partition_ != nullptr) ++partition_->references_;
}
inline PartitionRef::~PartitionRef() {
  if (partition_ != nullptr && --partition_->references_ == 0) partition_->unreferenced_.notify_all();
}

}  // namespace weir::replication
