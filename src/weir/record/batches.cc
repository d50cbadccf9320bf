#include "weir/record/batches.h"

#include <fmt/format.h>

namespace weir::record {

Result<std::vector<Record>> read_records(const AnyBatch& batch, codec::Codecs& codecs, size_t output_bytes_max, Bytes& scratch) {
  if (batch.v2() != nullptr) return read_records(*batch.v2(), codecs, output_bytes_max, scratch);
  return read_legacy_records(*batch.legacy(), codecs, output_bytes_max, scratch);
}

Result<std::optional<BatchSpan>> peek_span(ByteView bytes) {
  WEIR_TRY(const std::optional<size_t> size, peek_size(bytes));
  if (!size || bytes.size() <= kMagicAt) return std::nullopt;
  const auto magic = load_be<int8_t>(bytes.data() + kMagicAt);
  if (magic != kMagicV2) return BatchSpan{*size, std::nullopt, Offset(load_be<int64_t>(bytes.data()))};
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  WEIR_TRY(const BatchHeader header, BatchHeader::parse(bytes));
  return BatchSpan{header.size_bytes(), header.base_offset(), header.last_offset()};
}

Result<std::optional<AnyBatch>> Batches::next() {
  const ByteView rest = bytes_.subspan(position_);
  WEIR_TRY(const std::optional<size_t> size, peek_size(rest));
  if (!size || rest.size() < *size) return std::nullopt;
  const ByteView whole = rest.first(*size);
  // The least legacy message is 26 bytes, so the magic byte is there.
  const auto magic = load_be<int8_t>(whole.data() + kMagicAt);
  if (magic == kMagicV2) {
    WEIR_TRY(const BatchView batch, BatchView::parse(whole));
    position_ += *size;
    return batch;
  }
  if (magic != 0 && magic != 1) return fail(ErrorCode::kCorruptMessage, fmt::format("batch has unknown magic {}", magic));
  WEIR_TRY(const LegacyView message, LegacyView::parse(whole));
  position_ += *size;
  return message;
}

}  // namespace weir::record
