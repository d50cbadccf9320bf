#include "weir/record/validate.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/record/builder.h"
#include "weir/record/record.h"

namespace weir::record {
namespace {

template <typename... T>
std::unexpected<Error> invalid(fmt::format_string<T...> format, T&&... arguments) {
  return fail(ErrorCode::kInvalidRecord, fmt::format(format, std::forward<T>(arguments)...));
}

// The size of the one batch in `records`.
Result<size_t> size_of_only_batch(ByteView records) {
  WEIR_TRY(const std::optional<size_t> first, peek_size(records));
  if (!first || *first > records.size()) return invalid("no whole record batch in {} bytes", records.size());
  const auto magic = load_be<int8_t>(records.data() + kMagicAt);
  if (magic < 0 || magic > kMagicV2)
    return fail(ErrorCode::kCorruptMessage, fmt::format("record batch has unknown magic {}", magic));
  if (magic < kMagicV2) return invalid("messages of magic {} are no longer accepted: the producer must write magic 2", magic);
  if (*first < kHeaderBytes) return fail(ErrorCode::kCorruptMessage, fmt::format("record batch of {} bytes", *first));

  const ByteView tail = records.subspan(*first);
  WEIR_TRY(const std::optional<size_t> second, peek_size(tail));
  if (second && *second <= tail.size()) return invalid("more than one record batch for one partition");
  return *first;
}

// Everything that the 61 bytes of the header and the CRC tell.
Result<BatchView> check_batch(ByteView bytes, const ValidationRules& rules) {
  const BatchHeader header = BatchHeader::unchecked(bytes);
  if (header.compression_id() >= codec::kCompressionCount) {
    return fail(ErrorCode::kUnsupportedCompressionType, fmt::format("codec {} does not exist", header.compression_id()));
  }
  if (header.compression() == Compression::kZstd && !rules.allows_zstd) {
    return fail(ErrorCode::kUnsupportedCompressionType, "zstd needs Produce version 7");
  }
  if (header.base_offset() != Offset(0)) return invalid("base offset is {}, a producer must send 0", header.base_offset());
  if (bytes.size() > rules.batch_bytes_max) {
    return fail(ErrorCode::kMessageTooLarge,
                fmt::format("batch of {} bytes is above max.message.bytes = {}", bytes.size(), rules.batch_bytes_max));
  }
  if (compute_crc(bytes) != header.crc()) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("batch CRC is {:08x}, its bytes give {:08x}", header.crc(), compute_crc(bytes)));
  }
  if (header.record_count() < 1 || header.record_count() - 1 != header.last_offset_delta()) {
    return invalid("batch says {} records with last offset delta {}", header.record_count(), header.last_offset_delta());
  }
  if ((header.attributes() & ~kKnownAttributes) != 0) return invalid("batch has unknown attributes {:#x}", header.attributes());
  if (header.is_control()) return invalid("control records are the broker's to write");
  if (header.has_delete_horizon()) return invalid("a delete horizon is the broker's to set");
  if (header.has_producer_id()) {
    if (header.producer_epoch() < ProducerEpoch(0)) return invalid("producer id {} without an epoch", header.producer_id());
    if (header.base_sequence() < 0) return invalid("producer id {} without a sequence", header.producer_id());
  } else if (header.is_transactional()) {
    return invalid("transactional batch without a producer id");
  }
  if (header.timestamp_type() == TimestampType::kLogAppendTime && rules.timestamp_type == TimestampType::kLogAppendTime) {
    return fail(ErrorCode::kInvalidTimestamp, "LogAppendTime is the broker's to set");
  }
  return BatchView::parse(bytes);
}

// That an uncompressed body is exactly the records the header counts, by their lengths alone.
Result<void> check_lengths(const BatchView& batch) {
  Reader reader(batch.body());
  for (int32_t i = 0; i < batch.record_count(); ++i) {
    const int32_t length = reader.varint();
    if (length < 0) reader.fail();
    reader.skip(static_cast<size_t>(length));
    if (reader.failed()) return invalid("record {} does not fit the batch", i);
  }
  if (reader.remaining() != 0) return invalid("{} bytes are left after the last record", reader.remaining());
  return {};
}

bool in_range(TimestampMs timestamp, const ValidationRules& rules, TimestampMs now) {
  if (timestamp == kNoTimestamp) return true;
  // In 128 bits: both ends may be anything.
  const __int128 age = static_cast<__int128>(now) - timestamp;
  return age <= rules.timestamp_before_max_ms && -age <= rules.timestamp_after_max_ms;
}

// Whether the header's timestamps leave nothing to ask the records about.
bool timestamps_are_plain(const BatchView& batch, const ValidationRules& rules, TimestampMs now) {
  if (rules.timestamp_type == TimestampType::kLogAppendTime) return true;
  if (rules.timestamp_before_max_ms != std::numeric_limits<int64_t>::max()) return false;  // the header has no least one
  if (batch.timestamp_type() == TimestampType::kLogAppendTime) return false;
  return batch.max_timestamp() >= batch.base_timestamp() && in_range(batch.max_timestamp(), rules, now);
}

struct Findings {
  TimestampMs max_timestamp = kNoTimestamp;
  bool has_bad_timestamp = false;
  std::vector<RecordError> errors;

  void add(int32_t index, std::string message) {
    if (errors.size() < kRecordErrorsMax) errors.push_back({index, std::move(message)});
  }
};

// Errors of a codec or of the record layout. The CRC was right, so sending the same bytes again is no use.
Error as_invalid(const Error& error) {
  if (error.code() == ErrorCode::kOutputTooLarge) return Error(ErrorCode::kMessageTooLarge, "batch " + error.message());
  return Error(ErrorCode::kInvalidRecord, error.message());
}

Result<Findings> look_at(Records& records, const ValidationRules& rules, TimestampMs now) {
  Findings findings;
  for (;;) {
    Result<std::optional<Record>> next = records.next();
    if (!next) return fail(as_invalid(next.error()));
    if (!*next) break;
    const Record& record = **next;
    const int32_t index = records.index();
    if (record.offset != Offset(index)) return invalid("record {} has offset {} in its batch", index, record.offset);
    if (rules.keys_required && !record.key) findings.add(index, "a compacted topic needs a key");
    if (rules.timestamp_type == TimestampType::kCreateTime && !in_range(record.timestamp, rules, now)) {
      findings.has_bad_timestamp = true;
      findings.add(index, fmt::format("timestamp {} is out of range: at most {} ms before and {} ms after the broker's {}",
                                      record.timestamp, rules.timestamp_before_max_ms, rules.timestamp_after_max_ms, now));
    }
    findings.max_timestamp = std::max(findings.max_timestamp, record.timestamp);
  }
  return findings;
}

Refusal refusal_of(Findings findings) {
  const ErrorCode code = findings.has_bad_timestamp ? ErrorCode::kInvalidTimestamp : ErrorCode::kInvalidRecord;
  const RecordError& first = findings.errors.front();
  std::string message =
      fmt::format("batch refused for {} of its records; record {}: {}", findings.errors.size(), first.batch_index, first.message);
  return Refusal(Error(code, std::move(message)), std::move(findings.errors));
}

}  // namespace

std::expected<ValidatedBatch, Refusal> validate(const SharedBytes& records, const ValidationRules& rules, TimestampMs now,
                                                codec::Codecs& codecs, Bytes& scratch) {
  WEIR_TRY(const size_t size, size_of_only_batch(records));
  ValidatedBatch validated{.bytes = records.slice(0, size)};
  WEIR_TRY(const BatchView batch, check_batch(validated.bytes, rules));
  if (batch.compression() == Compression::kNone) WEIR_CHECK(check_lengths(batch));

  const bool wants_recompression = rules.compression && *rules.compression != batch.compression();
  const bool plain_timestamps = timestamps_are_plain(batch, rules, now);
  if (wants_recompression || rules.keys_required || rules.check_records || !plain_timestamps) {
    Result<Records> opened = Records::open(batch, codecs, rules.decompressed_bytes_max, scratch);
    if (!opened) return fail(as_invalid(opened.error()));
    WEIR_TRY(Findings findings, look_at(*opened, rules, now));
    if (!findings.errors.empty()) return std::unexpected(refusal_of(std::move(findings)));

    if (wants_recompression) {
      WEIR_TRY(validated.bytes, recompressed(batch, opened->body(), *rules.compression, rules.compression_level, codecs));
      validated.is_recompressed = true;
      if (validated.bytes.size() > rules.batch_bytes_max) {
        return fail(ErrorCode::kMessageTooLarge,
                    fmt::format("batch recompressed as {} is {} bytes, above max.message.bytes = {}",
                                codec::name_of(*rules.compression), validated.bytes.size(), rules.batch_bytes_max));
      }
    }
    if (rules.timestamp_type == TimestampType::kCreateTime)
      set_create_time(validated.bytes.mutable_view(), findings.max_timestamp);
  }
  if (rules.timestamp_type == TimestampType::kLogAppendTime) {
    set_log_append_time(validated.bytes.mutable_view(), now);
    validated.log_append_time = now;
  }
  return validated;
}

}  // namespace weir::record
