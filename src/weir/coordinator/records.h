// The frame of keys and values in internal topics: a number of two bytes, then the message. In a key the number is the
// record type, in a value its version.
#pragma once

#include "weir/protocol/decode.h"
#include "weir/protocol/encode.h"

namespace weir::coordinator {

template <typename Message>
Result<SharedBytes> versioned(const Message& message, int16_t number, int16_t version) {
  protocol::FrameWriter out;
  out.integer(number);
  WEIR_CHECK(protocol::encode(out, message, version));
  return std::move(out).join();
}

}  // namespace weir::coordinator
