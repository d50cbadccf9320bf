// Records of the metadata log: their framing, and the way from bytes to a variant and back.
#pragma once

#include "weir/protocol/frame_writer.h"
#include "weir/protocol/metadata_records.h"

namespace weir::protocol {

inline constexpr uint32_t kMetadataFrameVersion = 1;

// The value of a metadata record: frame version, type, version, body. Errors: as encode.
Result<SharedBytes> encode_metadata_record(const Message& message, int16_t version, const void* instance);
template <WireMessage T>
Result<SharedBytes> encode_metadata_record(const T& record, int16_t version) {
  return encode_metadata_record(T::kMessage, version, &record);
}
Result<SharedBytes> encode_metadata_record(const MetadataRecord& record, int16_t version);

// Any metadata record from its value. `bytes` fields of the record borrow from `value`.
// Errors: kMalformedFrame; kUnsupportedVersion for a frame version, type or version that this program does not know.
Result<MetadataRecord> decode_metadata_record(ByteView value);

// The row of a type, or nullptr.
const Message* find_metadata_record(uint32_t type);
// The newest version of the type that `record` holds.
int16_t latest_version(const MetadataRecord& record);

// "TopicRecord {name=clicks, topic_id=...}"
std::string describe(const MetadataRecord& record);

}  // namespace weir::protocol
