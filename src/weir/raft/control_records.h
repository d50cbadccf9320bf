// The control batches of the metadata log and its snapshots, written and read.
//
// Format   docs/formats/metadata-log.md. Bodies are protocol's LeaderChangeMessage, KRaftVersionRecord, VotersRecord,
//          SnapshotHeaderRecord and SnapshotFooterRecord, at version 0 as Kafka writes them.
#pragma once

#include <optional>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/raft/quorum.h"
#include "weir/record/batch.h"

namespace weir::raft {

// What control batches said so far, the latest of each.
struct ControlState {
  int16_t kraft_version = 0;
  std::vector<Voter> voters;  // empty: never said
  std::optional<TimestampMs> snapshot_timestamp;
  bool snapshot_complete = false;  // the footer was seen
};

// Where a batch is written.
struct BatchPlace {
  Offset base_offset{0};
  LeaderEpoch epoch{0};
  TimestampMs now = kNoTimestamp;
};

// The batch that opens an epoch: the leader change, and with `voters` the kraft.version 1 and the voter set after it.
Result<Bytes> leader_change_batch(const BatchPlace& place, BrokerId leader, const std::vector<BrokerId>& voter_ids,
                                  const std::vector<Voter>* voters);
// The first and the last batch of a snapshot; without `voters` it is one of kraft.version 0.
Result<Bytes> snapshot_header_batch(const BatchPlace& place, TimestampMs last_timestamp, const std::vector<Voter>* voters);
Result<Bytes> snapshot_footer_batch(const BatchPlace& place);
// Records without keys: metadata records.
Result<Bytes> data_batch(const BatchPlace& place, const std::vector<Bytes>& values);

// Takes what a control batch says into `state`. Errors: kMalformedFile.
Result<void> read_control_batch(const record::BatchView& batch, ControlState& state);
// The values of a data batch, borrowing from its bytes or `scratch`. Errors: kMalformedFile.
Result<std::vector<ByteView>> read_data_batch(const record::BatchView& batch, Bytes& scratch);

}  // namespace weir::raft
