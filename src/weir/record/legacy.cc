#include "weir/record/legacy.h"

#include <fmt/format.h>

#include "weir/base/reader.h"
#include "weir/codec/crc32.h"

namespace weir::record {
namespace {

Result<void> check_legacy_crc(const LegacyView& message, const char* which) {
  if (message.crc_matches()) return {};
  return fail(ErrorCode::kCorruptMessage, fmt::format("{} message at offset {} has a wrong CRC", which, message.offset()));
}

Record as_record(const LegacyView& message) {
  return {.offset = message.offset(), .timestamp = message.timestamp(), .key = message.key(), .value = message.value()};
}

Result<void> decompress_wrapper(const LegacyView& wrapper, codec::Codecs& codecs, size_t output_bytes_max, Bytes& scratch) {
  const bool has_broken_checksum = wrapper.magic() == 0 && wrapper.compression() == Compression::kLz4;
  return has_broken_checksum ? codecs.decompress_lz4_v0_into(*wrapper.value(), output_bytes_max, scratch)
                             : codecs.decompress_into(wrapper.compression(), *wrapper.value(), output_bytes_max, scratch);
}

}  // namespace

Result<LegacyView> LegacyView::parse(ByteView bytes) {
  WEIR_TRY(const std::optional<size_t> size, peek_size(bytes));
  if (!size || bytes.size() < *size) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("message cut short at {} bytes", bytes.size()));
  }
  LegacyView message(bytes.first(*size));
  if (message.magic() != 0 && message.magic() != 1) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("message has magic {}, expected 0 or 1", message.magic()));
  }
  const size_t header_bytes = message.magic() == 0 ? kLegacyHeaderBytesV0 : kLegacyHeaderBytesV1;
  if (*size < header_bytes) return fail(ErrorCode::kCorruptMessage, fmt::format("message of {} bytes ends in its header", *size));
  if ((message.attributes() & kCompressionMask) > static_cast<int>(Compression::kLz4)) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("message names unknown codec {}", message.attributes() & kCompressionMask));
  }

  Reader reader(message.bytes_.subspan(header_bytes - 8));
  auto field = [&reader](std::optional<ByteView>& view) {
    const int32_t length = reader.i32();
    if (length < -1) reader.fail();
    if (length >= 0) view = reader.bytes(static_cast<size_t>(length));
  };
  field(message.key_);
  field(message.value_);
  if (reader.failed() || reader.remaining() != 0) {
    return fail(ErrorCode::kCorruptMessage, "message key and value do not fill the message exactly");
  }
  if (message.is_wrapper() && !message.value_) return fail(ErrorCode::kCorruptMessage, "compressed message has no value");
  const bool offset_ok = message.offset() >= Offset(0) && message.offset() < Offset(INT64_MAX);
  if (!offset_ok) return fail(ErrorCode::kCorruptMessage, fmt::format("message has offset {}", message.offset()));
  return message;
}

bool LegacyView::crc_matches() const { return codec::crc32(bytes_.subspan(kMagicAt)) == crc(); }

Result<std::vector<Record>> read_legacy_records(const LegacyView& message, codec::Codecs& codecs, size_t output_bytes_max,
                                                Bytes& scratch) {
  WEIR_CHECK(check_legacy_crc(message, "a"));
  if (!message.is_wrapper()) return std::vector<Record>{as_record(message)};

  WEIR_CHECK(decompress_wrapper(message, codecs, output_bytes_max, scratch));
  std::vector<Record> records;
  for (ByteView rest = scratch; !rest.empty();) {
    WEIR_TRY(const LegacyView inner, LegacyView::parse(rest));
    WEIR_CHECK(check_legacy_crc(inner, "an inner"));
    if (inner.magic() != message.magic())
      return fail(ErrorCode::kCorruptMessage, "inner message has another magic than its wrapper");
    if (inner.is_wrapper()) return fail(ErrorCode::kCorruptMessage, "inner message is itself compressed");
    records.push_back(as_record(inner));
    rest = rest.subspan(inner.size_bytes());
  }
  if (records.empty()) return fail(ErrorCode::kCorruptMessage, "compressed message holds no message");

  // Magic 1: inner offsets are relative, and the wrapper carries the last one's absolute offset. Magic 0: already absolute.
  const int64_t base = message.magic() == 1 ? message.offset() - records.back().offset : 0;
  if (base < 0) return fail(ErrorCode::kCorruptMessage, "inner offsets go beyond the wrapper's");
  Offset before{-1};
  for (Record& record : records) {
    if (record.offset <= before) return fail(ErrorCode::kCorruptMessage, "inner offsets do not rise");
    before = record.offset;
    record.offset = record.offset + base;  // does not overflow: the largest becomes the wrapper's own
    if (message.timestamp_type() == TimestampType::kLogAppendTime) record.timestamp = message.timestamp();
  }
  return records;
}

}  // namespace weir::record
