// Messages with a number before them, as they lie in internal topics and in what members of a consumer group tell each other.
//
// Format   key: int16 type | body in version 0      value: int16 version | body in that version
// Errors   to bytes: those of `encode`. From bytes: kMalformedFrame; kUnsupportedVersion for a version that we do not know.
#pragma once

#include <algorithm>

#include "weir/protocol/decode.h"
#include "weir/protocol/encode.h"

namespace weir::protocol {

namespace detail {

template <WireMessage T>
Result<SharedBytes> encode_behind(int16_t number, const T& message, int16_t version) {
  FrameWriter out(128);
  out.integer(number);
  WEIR_CHECK(encode(out, message, version));
  return std::move(out).join();
}
inline ByteView behind_number(ByteView bytes) { return bytes.subspan(sizeof(int16_t)); }
inline SharedBytes behind_number(const SharedBytes& bytes) { return bytes.slice(sizeof(int16_t), bytes.size() - sizeof(int16_t)); }

}  // namespace detail

// The type of a key, the version of a value. Errors: kMalformedFrame.
Result<int16_t> leading_number(ByteView bytes);

template <WireMessage T>
Result<SharedBytes> encode_key(const T& key) {
  return detail::encode_behind(T::kType, key, 0);
}
template <WireMessage T>
Result<SharedBytes> encode_value(const T& value, int16_t version) {
  return detail::encode_behind(version, value, version);
}

// `bytes` is a ByteView, which `bytes` fields of the message borrow from, or a SharedBytes, which they share.
template <WireMessage T, typename View>
Result<T> decode_key(const View& bytes) {
  WEIR_TRY(const int16_t type, leading_number(bytes));
  if (type != T::kType) return fail(ErrorCode::kMalformedFrame, "the key is of another type");
  return decode<T>(detail::behind_number(bytes), 0);
}
template <WireMessage T, typename View>
Result<T> decode_value(const View& bytes) {
  WEIR_TRY(const int16_t version, leading_number(bytes));
  return decode<T>(detail::behind_number(bytes), version);
}
// Of a message whose later versions only add at the end: one that we do not know is read as the newest that we do.
template <WireMessage T, typename View>
Result<T> decode_growing_value(const View& bytes) {
  WEIR_TRY(const int16_t version, leading_number(bytes));
  return decode<T>(detail::behind_number(bytes), std::min(version, T::kVersions.last));
}

}  // namespace weir::protocol
