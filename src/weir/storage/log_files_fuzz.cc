// The small files of a log directory, from any bytes. Property: no crash, nothing read outside; what is refused is refused with a
// sentence; what is taken is written back as a file that is taken, and says the same.
//
// Byte 0 says which file. A producer snapshot gets its right CRC, so that what lies behind it is reached.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/assert.h"
#include "weir/base/crc32c.h"
#include "weir/base/endian.h"
#include "weir/record/batch.h"
#include "weir/storage/checkpoint_file.h"
#include "weir/storage/clean_shutdown.h"
#include "weir/storage/leader_epoch_cache.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/partition_metadata.h"
#include "weir/storage/producer_state.h"
#include "weir/storage/txn_index.h"

namespace {

using namespace weir;
using namespace weir::storage;

template <class Value>
bool is_taken(const Result<Value>& parsed) {
  WEIR_ASSERT(parsed || !parsed.error().message().empty());
  return parsed.has_value();
}

void look_at_checkpoint(std::string_view text) {
  const Result<Checkpoint> parsed = parse_checkpoint(text);
  if (!is_taken(parsed)) return;
  const Result<Checkpoint> again = parse_checkpoint(format_checkpoint(*parsed));
  WEIR_ASSERT(again && *again == *parsed, parsed->size());
}

void look_at_epochs(std::string_view text) {
  Result<LeaderEpochCache> parsed = LeaderEpochCache::parse(text);
  if (!is_taken(parsed)) return;
  const Result<LeaderEpochCache> again = LeaderEpochCache::parse(parsed->format());
  WEIR_ASSERT(again && again->entries() == parsed->entries(), parsed->entries().size());
  for (size_t i = 1; i < parsed->entries().size(); ++i) {
    const auto &before = parsed->entries()[i - 1], &after = parsed->entries()[i];
    WEIR_ASSERT(before.leader_epoch < after.leader_epoch && before.start_offset < after.start_offset, i);
  }
  if (parsed->entries().empty()) return;
  const auto middle = parsed->entries()[parsed->entries().size() / 2];
  WEIR_ASSERT(parsed->at(middle.start_offset) == middle.leader_epoch, middle.leader_epoch);
  parsed->truncate_from_start(middle.start_offset);
  WEIR_ASSERT(parsed->at(middle.start_offset) == middle.leader_epoch, middle.leader_epoch);
  parsed->truncate_from_end(middle.start_offset);
  WEIR_ASSERT(parsed->entries().empty(), parsed->entries().size());
}

void look_at_meta_properties(std::string_view text) {
  const Result<MetaProperties> parsed = parse_meta_properties(text, "meta.properties");
  // Version 0, of before KRaft, may lack what is needed in the file that we write.
  if (!is_taken(parsed) || parsed->cluster_id.empty() || parsed->node_id == MetaProperties().node_id) return;
  const Result<MetaProperties> again = parse_meta_properties(format_meta_properties(*parsed), "meta.properties");
  WEIR_ASSERT(again && again->cluster_id == parsed->cluster_id && again->node_id == parsed->node_id &&
              again->directory_id == parsed->directory_id);
}

void look_at_partition_metadata(std::string_view text) {
  const Result<Uuid> parsed = parse_partition_metadata(text);
  if (!is_taken(parsed)) return;
  const Result<Uuid> again = parse_partition_metadata(format_partition_metadata(*parsed));
  WEIR_ASSERT(again && *again == *parsed);
}

void look_at_clean_shutdown(std::string_view text) {
  const std::optional<int64_t> epoch = parse_clean_shutdown(text);
  if (epoch) WEIR_ASSERT(parse_clean_shutdown(format_clean_shutdown(*epoch)) == epoch, *epoch);
}

void look_at_transactions(ByteView bytes) {
  const Result<std::vector<AbortedTransaction>> parsed = decode_txn_entries(bytes);
  if (is_taken(parsed)) WEIR_ASSERT(equal(encode_txn_entries(*parsed), bytes), bytes.size());
}

void look_at_producers(ByteView bytes) {
  constexpr size_t kVersionBytes = 2, kCrcEnd = 6;   // version, CRC of all that follows
  Bytes file(bytes.begin(), bytes.end());
  if (file.size() >= kCrcEnd) store_be<uint32_t>(file.data() + kVersionBytes, crc32c(ByteView(file).subspan(kCrcEnd)));
  constexpr Offset kEnd{1000};
  ProducerState state;
  const Result<void> loaded = state.load(file, kEnd);
  if (!loaded) {
    WEIR_ASSERT(!loaded.error().message().empty());
    return;
  }
  const Bytes first = state.snapshot();
  (void)state.first_unstable(kEnd);
  ProducerState again;
  WEIR_ASSERT(again.load(first, kEnd).has_value(), state.size());
  WEIR_ASSERT(equal(again.snapshot(), first) && again.size() == state.size(), state.size(), again.size());
  for (const auto& [id, producer] : state.producers()) {
    WEIR_ASSERT(producer.batch_count <= kBatchesRemembered, producer.batch_count);
    std::array<std::byte, record::kHeaderBytes> header{};
    record::set_producer(header, id, producer.epoch, producer.last_sequence());
    (void)state.check(record::BatchHeader::unchecked(header));
  }
  state.expire(0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 7) {
    case 0: look_at_checkpoint(text); break;
    case 1: look_at_epochs(text); break;
    case 2: look_at_meta_properties(text); break;
    case 3: look_at_partition_metadata(text); break;
    case 4: look_at_clean_shutdown(text); break;
    case 5: look_at_transactions(bytes); break;
    case 6: look_at_producers(bytes); break;
  }
  return 0;
}
