#include "weir/protocol/metadata_codec.h"

#include <array>
#include <utility>

#include <fmt/core.h>

#include "weir/base/reader.h"
#include "weir/protocol/decode.h"
#include "weir/protocol/describe.h"
#include "weir/protocol/encode.h"

namespace weir::protocol {
namespace {

constexpr size_t kMetadataTypes = std::variant_size_v<MetadataRecord>;

template <size_t... I>
constexpr std::array<const Message*, kMetadataTypes> metadata_messages(std::index_sequence<I...>) {
  return {&std::variant_alternative_t<I, MetadataRecord>::kMessage...};
}
constexpr auto kMetadataMessages = metadata_messages(std::make_index_sequence<kMetadataTypes>());

// Calls `visit` with a default T of the alternative whose message is `wanted`.
template <size_t I = 0, typename Visit>
Result<MetadataRecord> with_alternative(const Message* wanted, Visit visit) {
  if constexpr (I < kMetadataTypes) {
    using T = std::variant_alternative_t<I, MetadataRecord>;
    if (&T::kMessage == wanted) return visit.template operator()<T>();
    return with_alternative<I + 1>(wanted, visit);
  } else {
    return fail(ErrorCode::kInternal, "a metadata record without an alternative");
  }
}

}  // namespace

Result<SharedBytes> encode_metadata_record(const Message& message, int16_t version, const void* instance) {
  FrameWriter out(128);
  out.unsigned_varint(kMetadataFrameVersion);
  out.unsigned_varint(static_cast<uint32_t>(message.key));
  out.unsigned_varint(static_cast<uint32_t>(version));
  WEIR_CHECK(encode_from(message, version, instance, out));
  return std::move(out).join();
}

Result<SharedBytes> encode_metadata_record(const MetadataRecord& record, int16_t version) {
  return std::visit([&]<typename T>(const T& held) { return encode_metadata_record(T::kMessage, version, &held); }, record);
}

Result<MetadataRecord> decode_metadata_record(ByteView value) {
  Reader in(value);
  const uint32_t frame = in.unsigned_varint();
  const uint32_t type = in.unsigned_varint();
  const uint32_t version = in.unsigned_varint();
  if (in.failed()) return fail(ErrorCode::kMalformedFrame, "a metadata record ends inside its head");
  if (frame != kMetadataFrameVersion) {
    return fail(ErrorCode::kUnsupportedVersion,
                fmt::format("metadata record frame version {}, expected {}", frame, kMetadataFrameVersion));
  }
  const Message* message = find_metadata_record(type);
  if (message == nullptr || version > INT16_MAX) {
    return fail(ErrorCode::kUnsupportedVersion, fmt::format("metadata record type {} version {} is not known", type, version));
  }
  return with_alternative(message, [&]<typename T>() -> Result<MetadataRecord> {
    WEIR_TRY(T record, decode<T>(value.subspan(in.position()), static_cast<int16_t>(version)));
    return MetadataRecord(std::move(record));
  });
}

const Message* find_metadata_record(uint32_t type) {
  for (const Message* message : kMetadataMessages) {
    if (static_cast<uint32_t>(message->key) == type) return message;
  }
  return nullptr;
}

int16_t latest_version(const MetadataRecord& record) {
  return std::visit([]<typename T>(const T&) { return T::kVersions.last; }, record);
}

std::string describe(const MetadataRecord& record) {
  return std::visit([]<typename T>(const T& held) { return fmt::format("{} {}", T::kMessage.name, describe(T::kWire, &held)); },
                    record);
}

}  // namespace weir::protocol
