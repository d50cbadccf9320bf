// One record batch of magic 2: views over its bytes, and the few fields a broker rewrites in place.
//
// Owner    nobody: a view, valid as long as the bytes it was made from.
// Format   docs/formats/record-batch.md (61 bytes of header, then records or one compressed block of them).
// Holds    after parse():
//          - magic is 2, the codec is known, and size_bytes() >= kHeaderBytes
//          - base_offset() >= 0, last_offset_delta() >= 0, and next_offset() does not overflow
//          - 0 <= record_count() <= last_offset_delta() + 1 (compaction leaves fewer records, and none at worst)
//          parse() does not look at the CRC: ask crc_matches() where the bytes come from outside or from a disk after a
//          crash. BatchView covers exactly one whole batch; BatchHeader needs its first 61 bytes only.
//
// The CRC covers bytes 21 to the end. Base offset, length, leader epoch and magic lie before it and are not covered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "weir/base/bytes.h"
#include "weir/base/endian.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/codec/compression.h"

namespace weir::record {

using codec::Compression;

enum class TimestampType : uint8_t { kCreateTime = 0, kLogAppendTime = 1 };

inline constexpr int8_t kMagicV2 = 2;
inline constexpr size_t kHeaderBytes = 61;        // of a batch of magic 2
inline constexpr size_t kPrefixBytes = 12;        // base offset and length: before what `length` counts, in every magic
inline constexpr size_t kMagicAt = 16;            // in every magic
inline constexpr size_t kCrcAt = 17;
inline constexpr size_t kCrcFrom = 21;            // the first byte the CRC covers

inline constexpr int16_t kCompressionMask = 0x07;
inline constexpr int16_t kLogAppendTimeBit = 0x08;
inline constexpr int16_t kTransactionalBit = 0x10;
inline constexpr int16_t kControlBit = 0x20;
inline constexpr int16_t kDeleteHorizonBit = 0x40;
inline constexpr int16_t kKnownAttributes = 0x7f;

// The size in bytes of the batch or legacy message (any magic) that begins at `bytes`: 12 + its length field.
// nullopt when fewer than 12 bytes are there. Errors: kCorruptMessage (length too small for any magic).
Result<std::optional<size_t>> peek_size(ByteView bytes);

// The header of a batch whose records may not be in memory: what a scan of a segment reads.
class BatchHeader {
 public:
  // `bytes` may go on after the header. Errors: kCorruptMessage (too short, or "Holds" above is broken).
  static Result<BatchHeader> parse(ByteView bytes);
  // No checks but the size, which is asserted: for callers that say themselves what is wrong (validate.h).
  static BatchHeader unchecked(ByteView bytes);

  Offset base_offset() const { return Offset(at<int64_t>(0)); }
  int32_t length() const { return at<int32_t>(8); }  // bytes after this field
  LeaderEpoch leader_epoch() const { return LeaderEpoch(at<int32_t>(12)); }
  int8_t magic() const { return at<int8_t>(kMagicAt); }
  uint32_t crc() const { return at<uint32_t>(kCrcAt); }
  int16_t attributes() const { return at<int16_t>(21); }
  int32_t last_offset_delta() const { return at<int32_t>(23); }
  TimestampMs base_timestamp() const { return at<int64_t>(27); }  // the delete horizon when has_delete_horizon()
  TimestampMs max_timestamp() const { return at<int64_t>(35); }
  ProducerId producer_id() const { return ProducerId(at<int64_t>(43)); }
  ProducerEpoch producer_epoch() const { return ProducerEpoch(at<int16_t>(51)); }
  int32_t base_sequence() const { return at<int32_t>(53); }
  int32_t record_count() const { return at<int32_t>(57); }

  int8_t compression_id() const { return static_cast<int8_t>(attributes() & kCompressionMask); }
  Compression compression() const { return static_cast<Compression>(compression_id()); }
  TimestampType timestamp_type() const {
    return (attributes() & kLogAppendTimeBit) != 0 ? TimestampType::kLogAppendTime : TimestampType::kCreateTime;
  }
  bool is_transactional() const { return (attributes() & kTransactionalBit) != 0; }
  bool is_control() const { return (attributes() & kControlBit) != 0; }
  bool has_delete_horizon() const { return (attributes() & kDeleteHorizonBit) != 0; }
  bool has_producer_id() const { return producer_id() >= ProducerId(0); }

  size_t size_bytes() const { return kPrefixBytes + static_cast<size_t>(length()); }  // of the whole batch
  Offset last_offset() const { return base_offset() + last_offset_delta(); }
  Offset next_offset() const { return last_offset().next(); }
  // The sequence of the last record; sequences wrap from 2^31 - 1 to 0. -1 without a base sequence.
  int32_t last_sequence() const;

 protected:
  explicit BatchHeader(const std::byte* header) : header_(header) {}

 private:
  template <typename T>
  T at(size_t position) const {
    return load_be<T>(header_ + position);
  }
  const std::byte* header_;
};

// One whole batch.
class BatchView : public BatchHeader {
 public:
  // The batch at the beginning of `bytes`, which may go on after it. Errors: kCorruptMessage (cut short, or "Holds").
  static Result<BatchView> parse(ByteView bytes);

  ByteView bytes() const { return bytes_; }
  // After the header: records, or one compressed block of them.
  ByteView body() const { return bytes_.subspan(kHeaderBytes); }
  bool crc_matches() const;

 private:
  explicit BatchView(ByteView bytes) : BatchHeader(bytes.data()), bytes_(bytes) {}
  ByteView bytes_;
};

// The CRC-32C that the header of the whole batch `bytes` should carry.
uint32_t compute_crc(ByteView bytes);

// In-place changes to the whole batch `bytes`, which must have passed BatchView::parse.
void set_base_offset(MutableBytes bytes, Offset base_offset);           // not under the CRC
void set_leader_epoch(MutableBytes bytes, LeaderEpoch leader_epoch);    // not under the CRC
void set_log_append_time(MutableBytes bytes, TimestampMs now);          // attribute bit 3, max timestamp, new CRC
// Makes it an idempotent producer's; a new CRC.
void set_producer(MutableBytes bytes, ProducerId id, ProducerEpoch epoch, int32_t base_sequence);
// Of no transaction; a new CRC when that changes anything.
void clear_transactional(MutableBytes bytes);
// CreateTime with `max_timestamp`; a new CRC when that changes anything.
void set_create_time(MutableBytes bytes, TimestampMs max_timestamp);

}  // namespace weir::record
