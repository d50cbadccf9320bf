#include "weir/record/batches.h"

#include <fmt/format.h>

namespace weir::record {

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
