#include "weir/record/batch.h"

#include <limits>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/base/crc32c.h"
#include "weir/record/sequence.h"

namespace weir::record {
namespace {

constexpr int32_t kLengthMinV0 = 14;  // crc 4, magic 1, attributes 1, key and value lengths 4+4
constexpr size_t kAttributesAt = 21;
constexpr size_t kMaxTimestampAt = 35;

}  // namespace

Result<std::optional<size_t>> peek_size(ByteView bytes) {
  if (bytes.size() < kPrefixBytes) return std::nullopt;
  const auto length = load_be<int32_t>(bytes.data() + 8);
  if (length < kLengthMinV0) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("batch length {} is below the least possible {}", length, kLengthMinV0));
  }
  return kPrefixBytes + static_cast<size_t>(length);
}

Result<BatchHeader> BatchHeader::parse(ByteView bytes) {
  if (bytes.size() < kHeaderBytes) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("batch header cut short: {} of {} bytes", bytes.size(), kHeaderBytes));
  }
  const BatchHeader header(bytes.data());
  if (header.magic() != kMagicV2) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("batch has magic {}, expected 2", header.magic()));
  }
  if (header.length() < static_cast<int32_t>(kHeaderBytes - kPrefixBytes)) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("batch length {} is shorter than its header", header.length()));
  }
  if (header.compression_id() >= codec::kCompressionCount) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("batch names unknown codec {}", header.compression_id()));
  }
  const int64_t base = header.base_offset().value();
  const int32_t delta = header.last_offset_delta();
  if (base < 0 || delta < 0 || base > std::numeric_limits<int64_t>::max() - delta - 1) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("batch offsets are impossible: base {}, last delta {}", base, delta));
  }
  if (header.record_count() < 0 || header.record_count() - 1 > delta) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("batch says {} records but its last offset delta is {}", header.record_count(), delta));
  }
  return header;
}

BatchHeader BatchHeader::unchecked(ByteView bytes) {
  WEIR_ASSERT(bytes.size() >= kHeaderBytes, bytes.size());
  return BatchHeader(bytes.data());
}

int32_t BatchHeader::last_sequence() const {
  if (base_sequence() < 0) return -1;
  return sequence_after(base_sequence(), last_offset_delta());
}

Result<BatchView> BatchView::parse(ByteView bytes) {
  WEIR_TRY(const BatchHeader header, BatchHeader::parse(bytes));
  if (bytes.size() < header.size_bytes()) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("batch cut short: {} of {} bytes", bytes.size(), header.size_bytes()));
  }
  return BatchView(bytes.first(header.size_bytes()));
}

bool BatchView::crc_matches() const { return compute_crc(bytes_) == crc(); }

uint32_t compute_crc(ByteView bytes) {
  WEIR_ASSERT(bytes.size() >= kHeaderBytes, bytes.size());
  return crc32c(bytes.subspan(kCrcFrom));
}

void set_base_offset(MutableBytes bytes, Offset base_offset) {
  WEIR_ASSERT(bytes.size() >= kHeaderBytes, bytes.size());
  store_be(bytes.data(), base_offset.value());
}

void set_leader_epoch(MutableBytes bytes, LeaderEpoch leader_epoch) {
  WEIR_ASSERT(bytes.size() >= kHeaderBytes, bytes.size());
  store_be(bytes.data() + 12, leader_epoch.value());
}

void set_log_append_time(MutableBytes bytes, TimestampMs now) {
  WEIR_ASSERT(bytes.size() >= kHeaderBytes, bytes.size());
  store_be(bytes.data() + kAttributesAt,
           static_cast<int16_t>(load_be<int16_t>(bytes.data() + kAttributesAt) | kLogAppendTimeBit));
  store_be(bytes.data() + kMaxTimestampAt, now);
  store_be(bytes.data() + kCrcAt, compute_crc(bytes));
}

void set_producer(MutableBytes bytes, ProducerId id, ProducerEpoch epoch, int32_t base_sequence) {
  WEIR_ASSERT(bytes.size() >= kHeaderBytes, bytes.size());
  store_be(bytes.data() + 43, id.value());
  store_be(bytes.data() + 51, epoch.value());
  store_be(bytes.data() + 53, base_sequence);
  store_be(bytes.data() + kCrcAt, compute_crc(bytes));
}

void clear_transactional(MutableBytes bytes) {
  const BatchHeader header = BatchHeader::unchecked(bytes);
  if (!header.is_transactional()) return;
  store_be(bytes.data() + kAttributesAt, static_cast<int16_t>(header.attributes() & ~kTransactionalBit));
  store_be(bytes.data() + kCrcAt, compute_crc(bytes));
}

void set_create_time(MutableBytes bytes, TimestampMs max_timestamp) {
  const BatchHeader header = BatchHeader::unchecked(bytes);
  if (header.timestamp_type() == TimestampType::kCreateTime && header.max_timestamp() == max_timestamp) return;
  store_be(bytes.data() + kAttributesAt, static_cast<int16_t>(header.attributes() & ~kLogAppendTimeBit));
  store_be(bytes.data() + kMaxTimestampAt, max_timestamp);
  store_be(bytes.data() + kCrcAt, compute_crc(bytes));
}

}  // namespace weir::record
