// Decoders of requests and of the request header: a broker's first line against the network.
#include "weir/protocol/frame.h"
#include "weir/protocol/fuzz_family.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  static const auto family = protocol::fuzz_family([](const protocol::Message& message) {
    return message.kind == protocol::MessageKind::kRequest || message.name == "RequestHeader";
  });
  const ByteView input(reinterpret_cast<const std::byte*>(data), size);
  protocol::fuzz_one(family, input);
  if (const auto head = protocol::read_request_head(input)) WEIR_ASSERT(head->body_at <= size);
  return 0;
}
