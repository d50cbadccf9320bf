#include "weir/record/legacy.h"

#include <fmt/format.h>

namespace weir::record {

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
    return fail(ErrorCode::kCorruptMessage, fmt::format("message names unknown codec {}", message.attributes() & kCompressionMask));
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

}  // namespace weir::record
