// What one log knows about its producers: their last batches (idempotence) and their open transactions.
//
// Owner    Log. Pure: no I/O.
// Format   docs/formats/indexes.md, "Producer snapshot" (46 bytes a producer, under a CRC-32C).
// Holds    - at most kBatchesRemembered batches per producer, all of its current epoch, oldest first, sequences rising
//          - an open transaction is in `open_` exactly when its producer's transaction_start is set
//          - map_end(): every batch below it is accounted for
//
// check() says what append must answer and changes nothing; record() cannot fail. Replay (recovery, followers) only records.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/record/batch.h"
#include "weir/record/control.h"

namespace weir::storage {

inline constexpr size_t kBatchesRemembered = 5;   // Kafka's bound on in-flight requests of an idempotent producer

struct RememberedBatch {
  int32_t last_sequence = -1;
  Offset last_offset = kNoOffset;
  int32_t offset_delta = 0;          // last offset - first offset
  TimestampMs timestamp = kNoTimestamp;

  int32_t first_sequence() const;
  Offset first_offset() const { return last_offset + -static_cast<int64_t>(offset_delta); }
  friend bool operator==(const RememberedBatch&, const RememberedBatch&) = default;
};

struct ProducerEntry {
  ProducerEpoch epoch = kNoProducerEpoch;
  int32_t coordinator_epoch = -1;
  TimestampMs last_timestamp = kNoTimestamp;
  Offset transaction_start = kNoOffset;
  uint8_t batch_count = 0;
  std::array<RememberedBatch, kBatchesRemembered> batches;   // [0, batch_count), oldest first

  int32_t last_sequence() const { return batch_count == 0 ? -1 : batches[batch_count - 1].last_sequence; }
};

// A transaction that its marker has just ended.
struct EndedTransaction {
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;          // of the marker
  Offset last_stable_offset;   // below which everything is decided after this end
  bool aborted = false;
};

class ProducerState {
 public:
  // What a client's batch (with a producer id, not a control batch) would meet: the remembered batch it repeats, or nothing.
  // Errors: kInvalidProducerEpoch, kOutOfOrderSequenceNumber, kInvalidTxnState.
  Result<std::optional<RememberedBatch>> check(const record::BatchHeader& batch) const;
  // What a coordinator's batch with a producer id would meet: its sequence does not matter. Errors: kInvalidProducerEpoch.
  Result<void> check_epoch(const record::BatchHeader& batch) const;
  // What a transaction marker would meet. Errors: kInvalidProducerEpoch, kTransactionCoordinatorFenced.
  Result<void> check_marker(const record::BatchHeader& batch, const record::EndTxnMarker& marker) const;

  // Accounts for a data batch with a producer id that lies at `base_offset`.
  void record(const record::BatchHeader& batch, Offset base_offset);
  // Accounts for a marker at `offset`; nullopt when its producer had nothing open.
  std::optional<EndedTransaction> record_marker(const record::BatchHeader& batch, Offset offset, record::ControlType type,
                                                const record::EndTxnMarker& marker);
  void set_map_end(Offset offset) { map_end_ = offset; }
  Offset map_end() const { return map_end_; }

  // The first offset that is not decided or whose end is not below `high_watermark`; nullopt when there is none.
  std::optional<Offset> first_unstable(Offset high_watermark);

  // Forgets producers silent since `before` that have nothing open.
  void expire(TimestampMs before);
  void clear();
  size_t size() const { return producers_.size(); }
  const std::unordered_map<ProducerId, ProducerEntry>& producers() const { return producers_; }

  // One entry a remembered batch, oldest first, where Kafka writes the newest only: Kafka reads the file and keeps the last
  // entry of each producer; we remember all, so that what was under way at a crash is still recognised when it is sent again.
  Bytes snapshot() const;
  // Replaces everything with what `snapshot`, named `end`, holds. Errors: kMalformedFile.
  Result<void> load(ByteView snapshot, Offset end);

 private:
  ProducerEntry& entry_for(ProducerId id, ProducerEpoch epoch);

  std::unordered_map<ProducerId, ProducerEntry> producers_;
  std::map<Offset, ProducerId> open_;       // first offset of an open transaction
  std::map<Offset, Offset> unreplicated_;   // first -> last offset of ended ones whose marker may not be replicated yet
  Offset map_end_{0};
};

}  // namespace weir::storage
