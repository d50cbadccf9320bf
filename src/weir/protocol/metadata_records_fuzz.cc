// Decoders of the metadata log's records, with and without their head.
#include "weir/protocol/fuzz_family.h"
#include "weir/protocol/metadata_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  static const auto family =
      protocol::fuzz_family([](const protocol::Message& message) { return message.page.starts_with("records/metadata/"); });
  const ByteView input(reinterpret_cast<const std::byte*>(data), size);
  protocol::fuzz_one(family, input);
  if (const auto record = protocol::decode_metadata_record(input)) {
    const auto again = protocol::encode_metadata_record(*record, protocol::latest_version(*record));
    WEIR_ASSERT(again.has_value() || again.error().code() == ErrorCode::kUnsupportedVersion);
  }
  return 0;
}
