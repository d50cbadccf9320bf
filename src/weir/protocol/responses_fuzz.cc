// Decoders of responses: what a client of ours, or a follower, reads from another broker.
#include "weir/protocol/fuzz_family.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  static const auto family = protocol::fuzz_family([](const protocol::Message& message) {
    return message.kind == protocol::MessageKind::kResponse || message.name == "ResponseHeader";
  });
  const ByteView input(reinterpret_cast<const std::byte*>(data), size);
  protocol::fuzz_one(family, input);
  return 0;
}
