// Messages to bytes.
//
//   FrameWriter frame;
//   WEIR_CHECK(encode(frame, response, version));
//   std::vector<SharedBytes> slices = std::move(frame).take();   // records are passed on, not copied
//
// Errors   kUnsupportedVersion: the page lacks the version, or a field that may not be dropped is set and has no place in it;
//          kInvalidArgument: null where the version has no null, a string above 32,767 bytes; kOutputTooLarge: above 2 GiB.
#pragma once

#include "weir/protocol/frame_writer.h"
#include "weir/protocol/wire.h"

namespace weir::protocol {

Result<void> encode_from(const Message& message, int16_t version, const void* instance, FrameWriter& out);

// Bytes that the message takes; what `encode` refuses has no meaningful size.
size_t size_of(const Message& message, int16_t version, const void* instance);

template <WireMessage T>
Result<void> encode(FrameWriter& out, const T& value, int16_t version) {
  return encode_from(T::kMessage, version, &value, out);
}

}  // namespace weir::protocol
