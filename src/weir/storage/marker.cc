#include "weir/storage/marker.h"

#include "weir/base/reader.h"
#include "weir/record/batch.h"

namespace weir::storage {
namespace {

ByteView field_after_length(Reader& in) {
  const int32_t length = in.varint();
  if (length < 0) {
    in.fail();
    return {};
  }
  return in.bytes(static_cast<size_t>(length));
}

}  // namespace

Result<std::optional<Marker>> parse_marker(ByteView bytes) {
  WEIR_TRY(const record::BatchView batch, record::BatchView::parse(bytes));
  if (batch.record_count() == 0) return std::nullopt;   // compaction took the marker and left the batch
  Reader in(batch.body());
  in.varint();    // length
  in.i8();        // attributes
  in.varlong();   // timestamp delta
  in.varint();    // offset delta
  const ByteView key = field_after_length(in);
  const ByteView value = field_after_length(in);
  if (in.failed()) return fail(ErrorCode::kCorruptMessage, "control record is cut short");
  WEIR_TRY(const record::ControlType type, record::parse_control_key(key));
  if (type != record::ControlType::kAbort && type != record::ControlType::kCommit) return std::nullopt;
  WEIR_TRY(const record::EndTxnMarker marker, record::parse_end_txn_marker(value));
  return Marker{type, marker};
}

}  // namespace weir::storage
