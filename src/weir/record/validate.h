// What a partition leader asks of the records a producer sends, before anything is appended. A pure function.
//
// Owner    the handler's turn; the result shares the bytes it was given.
// Format   docs/formats/record-batch.md, "What a broker refuses".
// Holds    - on the usual path (no key rule, codec kept, timestamps in range) the batch is never copied, compressed records
//            are not decompressed, and of uncompressed ones only the lengths are walked
//          - bytes change in place only: LogAppendTime, and a header whose timestamps disagree with its records
//          - a batch that was refused is unchanged
//
// The codes are those a real Kafka 4.3 gives. Where it answers UNKNOWN_SERVER_ERROR because its own parser threw, we answer
// INVALID_RECORD (or UNSUPPORTED_COMPRESSION_TYPE for a codec that does not exist).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/codec/compression.h"
#include "weir/record/batch.h"

namespace weir::record {

inline constexpr size_t kRecordErrorsMax = 1000;  // listed in one refusal

struct ValidationRules {
  size_t batch_bytes_max = 1'048'588;                                        // max.message.bytes
  TimestampType timestamp_type = TimestampType::kCreateTime;                 // message.timestamp.type
  int64_t timestamp_before_max_ms = std::numeric_limits<int64_t>::max();     // message.timestamp.before.max.ms
  int64_t timestamp_after_max_ms = 3'600'000;                                // message.timestamp.after.max.ms
  bool keys_required = false;                                                // cleanup.policy has compact
  std::optional<Compression> compression;                                    // compression.type; unset: the producer's
  int compression_level = 0;                                                 // for `compression`
  bool allows_zstd = true;                                                   // Produce 7 and later
  bool check_records = false;                                                // look at every record whatever the topic needs
  size_t decompressed_bytes_max = 64 * 1024 * 1024;                          // where records must be looked at
};

struct ValidatedBatch {
  SharedBytes bytes;                             // exactly the batch: the caller's bytes, or new ones when `is_recompressed`
  TimestampMs log_append_time = kNoTimestamp;    // `now` under LogAppendTime
  bool is_recompressed = false;

  // Parsed again on every call: cheap, and valid as long as `bytes`.
  BatchView view() const { return *BatchView::parse(bytes); }
};

struct RecordError {
  int32_t batch_index;   // of the record in its batch
  std::string message;
};

struct Refusal {
  Refusal(Error error) : error(std::move(error)) {}
  Refusal(Error error, std::vector<RecordError> records) : error(std::move(error)), records(std::move(records)) {}

  Error error;
  std::vector<RecordError> records;   // empty when the batch as a whole is wrong
};

// `records` is what one partition of a Produce request carries: exactly one batch. A tail too short to be a batch is cut
// off, as Kafka does. Nobody else may read `records` meanwhile. `scratch` is used where records must be decompressed.
//
// Errors, in the order they are looked for:
//   kInvalidRecord               no whole batch, or more than one; magic 0 or 1; base offset not 0
//   kCorruptMessage              a length no batch can have; unknown magic; CRC
//   kUnsupportedCompressionType  no such codec, or zstd from a client too old for it
//   kMessageTooLarge             above batch_bytes_max (as sent, or after recompression), or above decompressed_bytes_max
//   kInvalidRecord               count, offsets, attributes, producer id and sequence, a record's fields; a missing key
//   kInvalidTimestamp            out of range, or LogAppendTime claimed by the producer
std::expected<ValidatedBatch, Refusal> validate(const SharedBytes& records, const ValidationRules& rules, TimestampMs now,
                                                codec::Codecs& codecs, Bytes& scratch);

}  // namespace weir::record
