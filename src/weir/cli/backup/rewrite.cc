#include "weir/cli/backup/rewrite.h"

#include <algorithm>
#include <iterator>

#include "weir/record/builder.h"
#include "weir/record/record.h"
#include "weir/record/sequence.h"

namespace weir::cli {

namespace {

constexpr size_t kRewriteBytesMax = 512 << 20;

// Of the record that gets `offset`.
int32_t sequence_at(int64_t offset) { return record::sequence_after(0, offset); }

// Another producer's, and of no transaction.
SharedBytes copy_for(const record::BatchView& batch, client::ProducerIdentity producer, int32_t sequence) {
  SharedBytes copy = SharedBytes::copy_of(batch.bytes());
  const MutableBytes bytes = copy.mutable_view();
  record::clear_transactional(bytes);
  record::set_base_offset(bytes, Offset(0));
  record::set_leader_epoch(bytes, kNoLeaderEpoch);
  record::set_producer(bytes, producer.id, producer.epoch, sequence);  // and a new checksum
  return copy;
}

}  // namespace

void OffsetMap::add(int64_t old_offset, int64_t new_offset, int64_t count) {
  if (!runs_.empty()) {
    OffsetRun& last = runs_.back();
    const bool goes_on = last.old_first + last.count == old_offset && last.new_first + last.count == new_offset;
    if (goes_on) {
      last.count += count;
      return;
    }
  }
  runs_.push_back({old_offset, new_offset, count});
}

int64_t OffsetMap::to_new(int64_t old_offset) const {
  const auto after = std::ranges::upper_bound(runs_, old_offset, {}, &OffsetRun::old_first);
  if (after == runs_.begin()) return runs_.empty() ? 0 : runs_.front().new_first;
  const OffsetRun& run = *std::prev(after);
  return run.new_first + std::min(old_offset - run.old_first, run.count);
}

Result<Rewritten> rewrite_batch(const record::BatchView& batch, int64_t first, int64_t next_new, client::ProducerIdentity producer,
                                codec::Codecs& codecs, OffsetMap& map) {
  const bool is_dense = batch.record_count() == batch.last_offset_delta() + 1;
  const bool is_create_time = batch.timestamp_type() == record::TimestampType::kCreateTime && !batch.has_delete_horizon();
  if (is_dense && is_create_time && batch.base_offset().value() >= first) {
    map.add(batch.base_offset().value(), next_new, batch.record_count());
    return Rewritten{copy_for(batch, producer, sequence_at(next_new)), batch.record_count()};
  }
  Bytes scratch;
  WEIR_TRY(record::Records records, record::Records::open(batch, codecs, kRewriteBytesMax, scratch));
  const record::BatchOptions options{.compression = batch.compression(), .producer_id = producer.id, .producer_epoch = producer.epoch,
                                     .base_sequence = sequence_at(next_new)};
  record::BatchBuilder builder(options, batch.size_bytes());
  for (;;) {
    WEIR_TRY(const auto one, records.next());
    if (!one) break;
    if (one->offset.value() < first) continue;
    map.add(one->offset.value(), next_new + builder.record_count(), 1);
    const std::vector<record::Header> headers = one->headers.list();
    builder.add(one->timestamp, one->key, one->value, headers);
  }
  Rewritten rewritten{{}, builder.record_count()};
  if (builder.empty()) return rewritten;
  WEIR_TRY(const Bytes built, std::move(builder).build(codecs));
  rewritten.bytes = SharedBytes::copy_of(built);
  return rewritten;
}

}  // namespace weir::cli
