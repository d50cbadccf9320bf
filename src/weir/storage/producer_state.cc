#include "weir/storage/producer_state.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/base/crc32c.h"
#include "weir/base/reader.h"
#include "weir/base/writer.h"
#include "weir/record/sequence.h"

namespace weir::storage {
namespace {

constexpr int16_t kSnapshotVersion = 1;
constexpr size_t kSnapshotCrcFrom = 6;   // after version and CRC
constexpr size_t kSnapshotEntryBytes = 46;

}  // namespace

int32_t RememberedBatch::first_sequence() const {
  return record::sequence_before(last_sequence, offset_delta);
}

Result<std::optional<RememberedBatch>> ProducerState::check(const record::BatchHeader& batch) const {
  WEIR_ASSERT(batch.has_producer_id() && !batch.is_control(), batch.producer_id());
  const auto found = producers_.find(batch.producer_id());
  if (found == producers_.end()) return std::nullopt;   // all its records are gone, or it is new: any sequence is taken
  const ProducerEntry& entry = found->second;
  if (batch.producer_epoch() == entry.epoch) {
    for (size_t i = 0; i < entry.batch_count; ++i) {
      const RememberedBatch& remembered = entry.batches[i];
      if (remembered.first_sequence() == batch.base_sequence() && remembered.last_sequence == batch.last_sequence()) {
        return remembered;
      }
    }
  }
  WEIR_CHECK(check_epoch(batch));
  const bool new_epoch = batch.producer_epoch() != entry.epoch;
  const bool in_sequence = new_epoch ? batch.base_sequence() == 0 || entry.epoch == kNoProducerEpoch
                                     : batch.base_sequence() == record::sequence_after(entry.last_sequence(), 1);
  if (!in_sequence) {
    return fail(ErrorCode::kOutOfOrderSequenceNumber,
                fmt::format("producer {} epoch {}: sequence {} does not follow {}", batch.producer_id(), batch.producer_epoch(),
                            batch.base_sequence(), new_epoch ? -1 : entry.last_sequence()));
  }
  if (entry.transaction_start != kNoOffset && !batch.is_transactional()) {
    return fail(ErrorCode::kInvalidTxnState, fmt::format("producer {} has a transaction open since offset {} and sent a batch outside it",
                                                         batch.producer_id(), entry.transaction_start));
  }
  return std::nullopt;
}

Result<void> ProducerState::check_epoch(const record::BatchHeader& batch) const {
  const auto found = producers_.find(batch.producer_id());
  if (found == producers_.end() || batch.producer_epoch() >= found->second.epoch) return {};
  return fail(ErrorCode::kInvalidProducerEpoch, fmt::format("producer {} has epoch {} here, the batch comes from epoch {}",
                                                            batch.producer_id(), found->second.epoch, batch.producer_epoch()));
}

Result<void> ProducerState::check_marker(const record::BatchHeader& batch, const record::EndTxnMarker& marker) const {
  WEIR_CHECK(check_epoch(batch));
  const auto found = producers_.find(batch.producer_id());
  if (found == producers_.end()) return {};
  if (marker.coordinator_epoch < found->second.coordinator_epoch) {
    return fail(ErrorCode::kTransactionCoordinatorFenced, fmt::format("coordinator epoch {} has written here, the marker is of epoch {}",
                                                                      found->second.coordinator_epoch, marker.coordinator_epoch));
  }
  return {};
}

ProducerEntry& ProducerState::entry_for(ProducerId id, ProducerEpoch epoch) {
  ProducerEntry& entry = producers_[id];
  if (entry.epoch != epoch) {
    entry.epoch = epoch;
    entry.batch_count = 0;
  }
  return entry;
}

void ProducerState::record(const record::BatchHeader& batch, Offset base_offset) {
  WEIR_ASSERT(batch.has_producer_id() && !batch.is_control(), batch.producer_id());
  ProducerEntry& entry = entry_for(batch.producer_id(), batch.producer_epoch());
  const Offset last_offset = base_offset + batch.last_offset_delta();
  if (batch.base_sequence() >= 0) {
    if (entry.batch_count == kBatchesRemembered) {
      std::copy(entry.batches.begin() + 1, entry.batches.end(), entry.batches.begin());
      --entry.batch_count;
    }
    entry.batches[entry.batch_count++] = {batch.last_sequence(), last_offset, batch.last_offset_delta(), batch.max_timestamp()};
  }
  entry.last_timestamp = batch.max_timestamp();
  if (batch.is_transactional() && entry.transaction_start == kNoOffset) {
    entry.transaction_start = base_offset;
    const bool inserted = open_.emplace(base_offset, batch.producer_id()).second;
    WEIR_ASSERT(inserted, base_offset);
  }
}

std::optional<EndedTransaction> ProducerState::record_marker(const record::BatchHeader& batch, Offset offset, record::ControlType type,
                                                             const record::EndTxnMarker& marker) {
  ProducerEntry& entry = entry_for(batch.producer_id(), batch.producer_epoch());
  entry.coordinator_epoch = marker.coordinator_epoch;
  entry.last_timestamp = batch.max_timestamp();
  if (entry.transaction_start == kNoOffset) return std::nullopt;
  EndedTransaction ended{batch.producer_id(), entry.transaction_start, offset, offset.next(), type == record::ControlType::kAbort};
  entry.transaction_start = kNoOffset;
  open_.erase(ended.first_offset);
  if (!open_.empty()) ended.last_stable_offset = open_.begin()->first;
  unreplicated_[ended.first_offset] = ended.last_offset;
  return ended;
}

std::optional<Offset> ProducerState::first_unstable(Offset high_watermark) {
  while (!unreplicated_.empty() && unreplicated_.begin()->second < high_watermark) unreplicated_.erase(unreplicated_.begin());
  std::optional<Offset> first;
  if (!open_.empty()) first = open_.begin()->first;
  for (const auto& [begin, last] : unreplicated_) {
    if (first && *first <= begin) break;
    if (last >= high_watermark) return begin;
  }
  return first;
}

void ProducerState::expire(TimestampMs before) {
  std::erase_if(producers_, [&](const auto& item) {
    return item.second.transaction_start == kNoOffset && item.second.last_timestamp < before;
  });
}

void ProducerState::clear() {
  producers_.clear();
  open_.clear();
  unreplicated_.clear();
}

Bytes ProducerState::snapshot() const {
  std::vector<ProducerId> ids;
  ids.reserve(producers_.size());
  for (const auto& [id, entry] : producers_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  Writer out(kSnapshotCrcFrom + 4 + ids.size() * kBatchesRemembered * kSnapshotEntryBytes);
  out.i16(kSnapshotVersion);
  out.u32(0);
  out.i32(0);
  int32_t entries = 0;
  const auto write = [&](ProducerId id, const ProducerEntry& producer, const RememberedBatch& batch, TimestampMs timestamp) {
    out.i64(id.value());
    out.i16(producer.epoch.value());
    out.i32(batch.last_sequence);
    out.i64(batch.last_offset.value());
    out.i32(batch.offset_delta);
    out.i64(timestamp);
    out.i32(producer.coordinator_epoch);
    out.i64(producer.transaction_start.value());
    ++entries;
  };
  for (const ProducerId id : ids) {
    const ProducerEntry& producer = producers_.at(id);
    for (size_t i = 0; i + 1 < producer.batch_count; ++i) write(id, producer, producer.batches[i], producer.batches[i].timestamp);
    const RememberedBatch last = producer.batch_count == 0 ? RememberedBatch{} : producer.batches[producer.batch_count - 1];
    write(id, producer, last, producer.last_timestamp);
  }
  out.patch(kSnapshotCrcFrom, entries);
  out.patch(2, crc32c(out.view().subspan(kSnapshotCrcFrom)));
  return std::move(out).take();
}

Result<void> ProducerState::load(ByteView snapshot, Offset end) {
  Reader in(snapshot);
  const int16_t version = in.i16();
  const uint32_t crc = in.u32();
  const int32_t count = in.i32();
  if (in.failed()) return fail(ErrorCode::kMalformedFile, "producer snapshot is cut short");
  if (version != kSnapshotVersion) return fail(ErrorCode::kMalformedFile, fmt::format("producer snapshot has version {}", version));
  if (crc32c(snapshot.subspan(kSnapshotCrcFrom)) != crc) return fail(ErrorCode::kMalformedFile, "producer snapshot has a wrong CRC");
  if (count < 0 || in.remaining() != static_cast<size_t>(count) * kSnapshotEntryBytes) {
    return fail(ErrorCode::kMalformedFile, fmt::format("producer snapshot says {} producers and has {} bytes of them", count, in.remaining()));
  }
  clear();
  map_end_ = end;
  for (int32_t i = 0; i < count; ++i) {
    const ProducerId id(in.i64());
    ProducerEntry entry;
    entry.epoch = ProducerEpoch(in.i16());
    RememberedBatch last;
    last.last_sequence = in.i32();
    last.last_offset = Offset(in.i64());
    last.offset_delta = in.i32();
    entry.last_timestamp = in.i64();
    last.timestamp = entry.last_timestamp;
    entry.coordinator_epoch = in.i32();
    entry.transaction_start = Offset(in.i64());
    // Another entry of the same producer and epoch before this one: an older batch that it may still resend.
    const auto known = producers_.find(id);
    if (known != producers_.end() && known->second.epoch == entry.epoch && known->second.batch_count < kBatchesRemembered) {
      entry.batches = known->second.batches;
      entry.batch_count = known->second.batch_count;
    }
    if (entry.batch_count > 0 && last.last_offset <= entry.batches[entry.batch_count - 1].last_offset) {
      return fail(ErrorCode::kMalformedFile, fmt::format("producer snapshot has batches of producer {} out of order", id));
    }
    if (last.last_offset >= Offset(0)) entry.batches[entry.batch_count++] = last;
    if (entry.transaction_start >= Offset(0)) open_[entry.transaction_start] = id;
    producers_[id] = entry;
  }
  return {};
}

}  // namespace weir::storage
