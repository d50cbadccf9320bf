// Message sets of magic 0 and 1, which can still lie in segments written before Kafka 0.11. Read only: never written.
//
// Owner    nobody: views over the caller's bytes.
// Format   docs/formats/record-batch.md, "Magic 0 and 1".
// Holds    after parse(): magic is 0 or 1, the codec is one these magics know (none, gzip, snappy, lz4), and key and value
//          lie inside the message. The CRC-32 is not checked by parse(): ask crc_matches().
//
// A message with a codec is a wrapper: its value is a compressed message set. The wrapper's offset is that of its last
// inner message; inner offsets are absolute in magic 0 and relative (0, 1, ...) in magic 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/record/batch.h"
#include "weir/record/record.h"

namespace weir::record {

inline constexpr size_t kLegacyHeaderBytesV0 = 26;  // offset 8, size 4, crc 4, magic 1, attributes 1, key and value lengths 4+4
inline constexpr size_t kLegacyHeaderBytesV1 = 34;  // and a timestamp of 8 before the lengths

class LegacyView {
 public:
  // The message at the beginning of `bytes`, which may go on after it. Errors: kCorruptMessage.
  static Result<LegacyView> parse(ByteView bytes);

  ByteView bytes() const { return bytes_; }
  size_t size_bytes() const { return bytes_.size(); }
  // The field as written: of a wrapper, the offset of its last inner message.
  Offset offset() const { return Offset(load_be<int64_t>(bytes_.data())); }
  int8_t magic() const { return load_be<int8_t>(bytes_.data() + kMagicAt); }
  int8_t attributes() const { return load_be<int8_t>(bytes_.data() + kMagicAt + 1); }
  Compression compression() const { return static_cast<Compression>(attributes() & kCompressionMask); }
  bool is_wrapper() const { return compression() != Compression::kNone; }
  TimestampType timestamp_type() const {
    return magic() == 1 && (attributes() & kLogAppendTimeBit) != 0 ? TimestampType::kLogAppendTime : TimestampType::kCreateTime;
  }
  // kNoTimestamp in magic 0. Of a wrapper of magic 1: the largest inner timestamp, or the append time.
  TimestampMs timestamp() const { return magic() == 0 ? kNoTimestamp : load_be<int64_t>(bytes_.data() + 18); }
  uint32_t crc() const { return load_be<uint32_t>(bytes_.data() + kPrefixBytes); }
  bool crc_matches() const;

  Offset last_offset() const { return offset(); }
  Offset next_offset() const { return offset().next(); }

  std::optional<ByteView> key() const { return key_; }
  std::optional<ByteView> value() const { return value_; }

 private:
  explicit LegacyView(ByteView bytes) : bytes_(bytes) {}
  ByteView bytes_;
  std::optional<ByteView> key_;
  std::optional<ByteView> value_;
};

// The records of one message: itself, or the messages of a wrapper with their offsets made absolute and, under
// LogAppendTime, the wrapper's timestamp. Key and value views point into `message` or into `scratch`, which receives the
// decompressed set and must outlive them. CRCs of the outer and inner messages are checked.
// Errors: kCorruptMessage; kOutputTooLarge (the inner set is larger than `output_bytes_max`).
Result<std::vector<Record>> read_legacy_records(const LegacyView& message, codec::Codecs& codecs, size_t output_bytes_max,
                                                Bytes& scratch);

}  // namespace weir::record
