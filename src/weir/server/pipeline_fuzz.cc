// From the bytes of a socket to a decoded request, without handlers: frame reader, header, body. Whatever arrives, a frame is
// cut or the connection is to be closed; nothing is read outside the frame.
#include <algorithm>
#include <cstring>

#include "weir/protocol/decode.h"
#include "weir/server/frame_reader.h"
#include "weir/server/pipeline.h"

namespace {

using namespace weir;

constexpr size_t kFrameBytesMax = 1 << 16;

const protocol::Message* request_message(int16_t api_key) {
  for (const protocol::Message* message : protocol::all_messages()) {
    if (message->kind == protocol::MessageKind::kRequest && message->key == api_key) return message;
  }
  return nullptr;
}

void decode_request(SharedBytes frame, const server::ListenerOptions& listener) {
  const size_t frame_bytes = frame.size();
  const Result<server::Request> request = server::read_request(std::move(frame), listener);
  if (!request) {
    const ErrorCode code = request.error().code();
    WEIR_ASSERT(code == ErrorCode::kMalformedFrame || code == ErrorCode::kUnsupportedVersion, code);
    return;
  }
  WEIR_ASSERT(request->body.size() <= frame_bytes);
  if (request->info.is_version_unknown) return;
  const protocol::Message* const message = request_message(request->info.api_key);
  WEIR_ASSERT(message != nullptr && message->versions.has(request->info.version), request->info.api_key);
  protocol::AnyMessage body(*message);
  const Result<size_t> read =
      protocol::decode_into(*message, request->info.version, request->body, &request->body, body.instance());
  if (read) {
    WEIR_ASSERT(*read <= request->body.size());
  } else {
    WEIR_ASSERT(read.error().code() == ErrorCode::kMalformedFrame);
  }
}

}  // namespace

// Byte 0 says how the stream is cut into reads; the rest is the stream.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  static const server::ListenerOptions listener{.name = "PLAINTEXT", .bind = {"localhost", 9092}};
  const size_t step = data[0] == 0 ? size : data[0];
  const ByteView stream(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  server::FrameReader reader(kFrameBytesMax);
  size_t frame_bytes = 0;
  for (size_t at = 0; at < stream.size();) {
    const MutableBytes space = reader.space();
    const size_t count = std::min({step, space.size(), stream.size() - at});
    std::memcpy(space.data(), stream.data() + at, count);
    reader.filled(count);
    at += count;
    for (;;) {
      Result<std::optional<SharedBytes>> frame = reader.next();
      if (!frame) return 0;
      if (!*frame) break;
      frame_bytes += 4 + (*frame)->size();
      WEIR_ASSERT(frame_bytes <= at, frame_bytes, at);
      decode_request(std::move(**frame), listener);
    }
  }
  return 0;
}
