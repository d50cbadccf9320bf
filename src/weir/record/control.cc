#include "weir/record/control.h"

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/base/reader.h"
#include "weir/base/writer.h"
#include "weir/record/builder.h"
#include "weir/record/record.h"

namespace weir::record {
namespace {

constexpr int16_t kControlKeyVersion = 0;
constexpr int16_t kEndTxnMarkerVersion = 0;

}  // namespace

Bytes control_key(ControlType type) {
  WEIR_ASSERT(type != ControlType::kUnknown);
  Writer writer(4);
  writer.i16(kControlKeyVersion);
  writer.i16(static_cast<int16_t>(type));
  return std::move(writer).take();
}

Result<ControlType> parse_control_key(ByteView key) {
  Reader reader(key);
  const int16_t version = reader.i16();
  const int16_t type = reader.i16();
  if (reader.failed() || version < 0) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("control record key of {} bytes, version {}", key.size(), version));
  }
  const bool is_known = type >= 0 && type <= static_cast<int16_t>(ControlType::kVoters);
  return is_known ? static_cast<ControlType>(type) : ControlType::kUnknown;
}

Bytes encode(const EndTxnMarker& marker) {
  Writer writer(6);
  writer.i16(kEndTxnMarkerVersion);
  writer.i32(marker.coordinator_epoch);
  return std::move(writer).take();
}

Result<EndTxnMarker> parse_end_txn_marker(ByteView value) {
  Reader reader(value);
  const int16_t version = reader.i16();
  const int32_t coordinator_epoch = reader.i32();
  if (reader.failed() || version < 0) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("transaction marker of {} bytes, version {}", value.size(), version));
  }
  return EndTxnMarker{coordinator_epoch};
}

Result<std::optional<Marker>> parse_marker(const BatchView& batch) {
  WEIR_TRY(Records records, Records::in_place(batch));
  WEIR_TRY(const std::optional<Record> record, records.next());
  if (!record) return std::nullopt;
  WEIR_TRY(const ControlType type, parse_control_key(record->key.value_or(ByteView())));
  if (type != ControlType::kAbort && type != ControlType::kCommit) return std::nullopt;
  WEIR_TRY(const EndTxnMarker marker, parse_end_txn_marker(record->value.value_or(ByteView())));
  return Marker{type, marker};
}

Result<Bytes> build_marker_batch(const MarkerBatch& marker, codec::Codecs& codecs) {
  WEIR_ASSERT(marker.type == ControlType::kAbort || marker.type == ControlType::kCommit);
  BatchBuilder builder(
      {.producer_id = marker.producer_id, .producer_epoch = marker.producer_epoch, .is_transactional = true, .is_control = true});
  builder.add(marker.timestamp, control_key(marker.type), encode(marker.marker));
  return std::move(builder).build(codecs);
}

}  // namespace weir::record
