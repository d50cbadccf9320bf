// Control records: what their keys say, and the body of a transaction marker.
//
// Format   docs/formats/record-batch.md, "Control records". A control batch holds records of one key each; consumers never
//          see them. The bodies of the KRaft types are messages of their own (protocol, records/).
#pragma once

#include <cstdint>
#include <optional>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/record/batch.h"

namespace weir::record {

enum class ControlType : int16_t {
  kUnknown = -1,  // written by a later version: to be passed over
  kAbort = 0,
  kCommit = 1,
  kLeaderChange = 2,
  kSnapshotHeader = 3,
  kSnapshotFooter = 4,
  kKraftVersion = 5,
  kVoters = 6,
};

Bytes control_key(ControlType type);
// Errors: kCorruptMessage (shorter than a version and a type, or a negative version).
Result<ControlType> parse_control_key(ByteView key);

// The value of kAbort and kCommit records.
struct EndTxnMarker {
  int32_t coordinator_epoch = 0;
  friend bool operator==(const EndTxnMarker&, const EndTxnMarker&) = default;
};
Bytes encode(const EndTxnMarker& marker);
// Errors: kCorruptMessage. Fields that a later version adds after ours are passed over.
Result<EndTxnMarker> parse_end_txn_marker(ByteView value);

// What a control batch says of its producer's transaction.
struct Marker {
  ControlType type;   // kAbort or kCommit
  EndTxnMarker marker;
};
// nullopt for control records of another kind, and where compaction took the marker and left its batch. Errors: kCorruptMessage.
Result<std::optional<Marker>> parse_marker(const BatchView& batch);

// The batch that ends a producer's transaction in a partition: one marker, transactional, without a sequence.
struct MarkerBatch {
  ControlType type = ControlType::kAbort;  // kAbort or kCommit
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  EndTxnMarker marker;
  TimestampMs timestamp = kNoTimestamp;
};
Result<Bytes> build_marker_batch(const MarkerBatch& marker, codec::Codecs& codecs);

}  // namespace weir::record
