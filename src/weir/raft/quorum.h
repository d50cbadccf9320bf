// The metadata quorum (KRaft) as its user sees it: records in, committed records out, in one order for everybody.
//
// Owner    metadata::MetadataService; one per node.
// Shard    the metadata shard.
// Format   docs/formats/metadata-log.md: `__cluster_metadata-0/` with Kafka's segments, quorum-state and snapshots.
// Holds    - every record handed to the StateMachine is on disk (fsynced) before it is handed over
//          - the StateMachine sees batches in offset order, each once, a snapshot first when the log begins after 0
//          - a failed write or fsync of the metadata log ends this quorum: every later call fails, nothing is retried
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/uuid.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/task.h"

namespace weir::storage {
struct LogServices;
}

namespace weir::raft {

inline constexpr int16_t kKraftVersionMax = 1;  // 0: a fixed voter set; 1: one that the log carries (KIP-853)

struct ListenerAddress {
  std::string name;
  std::string host;
  uint16_t port = 0;
  friend bool operator==(const ListenerAddress&, const ListenerAddress&) = default;
};

struct Voter {
  BrokerId id;
  Uuid directory_id;
  std::vector<ListenerAddress> endpoints;
  int16_t kraft_version_min = 0;
  int16_t kraft_version_max = kKraftVersionMax;
  friend bool operator==(const Voter&, const Voter&) = default;
};

// Everything below `end` is in the snapshot; `epoch` is that of the last record it holds.
struct SnapshotId {
  Offset end{0};
  LeaderEpoch epoch{0};
  friend auto operator<=>(const SnapshotId&, const SnapshotId&) = default;
};

struct QuorumOptions {
  std::string dir;  // the metadata log directory: holds __cluster_metadata-0
  BrokerId node_id;
  Uuid directory_id;                        // of `dir`, from its meta.properties
  std::vector<ListenerAddress> listeners;   // where this node's controller is reached; written into the voter set
  uint64_t segment_bytes = 1ull << 30;      // metadata.log.segment.bytes
  uint64_t retention_bytes = 100ull << 20;  // metadata.max.retention.bytes: of snapshots and log together
  int64_t retention_ms = 7ll * 86'400'000;  // metadata.max.retention.ms
};

// Records committed together. The views live only during the call they are given to.
struct CommittedBatch {
  Offset base_offset;
  LeaderEpoch epoch;
  TimestampMs timestamp = kNoTimestamp;
  std::vector<ByteView> values;  // one metadata record frame each, offsets base_offset, +1, ...
};

// What the quorum drives. Errors stop the node: a state machine that cannot follow the log must not serve.
class StateMachine {
 public:
  virtual ~StateMachine() = default;
  // Forget everything; the content of snapshot `id` follows through apply_snapshot, then end_snapshot.
  virtual Result<void> begin_snapshot(SnapshotId id, TimestampMs last_timestamp) = 0;
  virtual Result<void> apply_snapshot(const std::vector<ByteView>& values) = 0;
  virtual Result<void> end_snapshot() = 0;
  // `batch.values` is empty for a control batch (a new leader's first): only the offset moves.
  virtual Result<void> apply(const CommittedBatch& batch) = 0;
};

struct ReplicaDescription {
  BrokerId id;
  Uuid directory_id;
  Offset log_end;
  TimestampMs last_fetch = kNoTimestamp;
  TimestampMs last_caught_up = kNoTimestamp;
};

struct QuorumDescription {
  BrokerId leader = kNoBroker;
  LeaderEpoch epoch{0};
  int16_t kraft_version = 0;
  Offset high_watermark = kNoOffset;  // exclusive
  std::vector<ReplicaDescription> voters;
  std::vector<ReplicaDescription> observers;
  std::vector<Voter> voter_set;  // with the endpoints of each
};

class Quorum {
 public:
  // Records of one append: one batch, all or none.
  static constexpr size_t kAppendRecordsMax = 10'000;
  static constexpr size_t kBatchBytesMax = 8u << 20;

  virtual ~Quorum() = default;

  // Opens or creates the log below `options.dir`, drives `machine` with the latest snapshot and every record after it,
  // elects this node in a new epoch, and drives `machine` with the batch that opens the epoch.
  // `services` are those of the directory `options.dir` (LogManager::services()); what they refer to must outlive the quorum.
  // Errors: kMalformedFile (a file that is not what it should be; the sentence names it), kDiskError,
  // kUnsupportedFeature (the voter set names other nodes: only a quorum of one is served).
  static runtime::Task<Result<std::unique_ptr<Quorum>>> open(storage::LogServices services, QuorumOptions options,
                                                             StateMachine& machine);

  // The offset the next appended record gets. With one writer it is exact (a registration record needs its own offset).
  virtual Offset next_offset() const = 0;
  virtual LeaderEpoch epoch() const = 0;

  // Appends `values` as one batch and resolves with the offset of its last record once it is committed and applied.
  // Concurrent appends commit in call order. Errors: kDiskError, kNoSpace, kUnavailable (closed or failed),
  // kRecordListTooLarge.
  virtual runtime::Task<Result<Offset>> append(std::vector<Bytes> values) = 0;

  // Writes the snapshot that holds everything up to and including the records applied so far, then drops log segments and
  // snapshots that retention no longer wants. `values` are the records that rebuild the state.
  virtual runtime::Task<Result<SnapshotId>> write_snapshot(std::vector<Bytes> values, TimestampMs last_timestamp) = 0;

  // For the choice when to snapshot: record bytes committed, and time gone by, since the latest one (or the start).
  virtual uint64_t bytes_since_snapshot() const = 0;

  virtual QuorumDescription describe() const = 0;

  // Waits for appends under way, then closes files. The quorum refuses work from then on.
  virtual runtime::Task<Result<void>> close() = 0;
};

}  // namespace weir::raft
