// Bytes to messages.
//
//   auto request = protocol::decode<protocol::FetchRequest>(body, version);
//
// `body` as SharedBytes: `bytes` and `records` fields become slices of it and keep it alive. `body` as ByteView: they
// borrow, and `body` must outlive the message. Strings are owned either way.
//
// Holds    - nothing is read outside `body`
//          - a list claims at most as many elements as the rest of the body can hold, never more than 1,000,000; memory grows
//            with what was decoded, not with what was claimed: 256 MiB of elements; a tagged section has at most 10,000 fields
// Errors   kMalformedFrame ("FetchRequest v13: topics[2].partitions: list of 70000 cannot lie in 12 bytes, at byte 41"),
//          kUnsupportedVersion for a version that the page does not have.
// Bytes after the message are left alone, as Kafka does; `consumed` tells where the message ended.
#pragma once

#include "weir/protocol/wire.h"

namespace weir::protocol {

inline constexpr size_t kListLengthMax = 1'000'000;
inline constexpr size_t kTaggedFieldsMax = 10'000;
inline constexpr size_t kElementsUpFront = 1'000;

// Into `instance`, a default instance of `message`'s type. Returns the bytes read. `owner`, when not null, is the block that
// `body` lies in.
Result<size_t> decode_into(const Message& message, int16_t version, ByteView body, const SharedBytes* owner, void* instance);

template <WireMessage T>
Result<T> decode(ByteView body, int16_t version, size_t* consumed = nullptr) {
  Result<T> result;
  auto read = decode_into(T::kMessage, version, body, nullptr, &*result);
  if (!read) return fail(std::move(read).error());
  if (consumed != nullptr) *consumed = *read;
  return result;
}

template <WireMessage T>
Result<T> decode(const SharedBytes& body, int16_t version, size_t* consumed = nullptr) {
  Result<T> result;
  auto read = decode_into(T::kMessage, version, body.view(), &body, &*result);
  if (!read) return fail(std::move(read).error());
  if (consumed != nullptr) *consumed = *read;
  return result;
}

}  // namespace weir::protocol
