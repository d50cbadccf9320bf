#include "weir/protocol/versioned.h"

#include "weir/base/reader.h"

namespace weir::protocol {

Result<int16_t> leading_number(ByteView bytes) {
  Reader in(bytes);
  const int16_t number = in.i16();
  if (in.failed()) return fail(ErrorCode::kMalformedFrame, "a key or value begins with a number of two bytes");
  return number;
}

}  // namespace weir::protocol
