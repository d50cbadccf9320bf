// What all fuzzers of decoders do with one input: byte 0 and 1 choose a message of the family, byte 2 its version, the rest
// is the body. What decodes must encode, and decode again to the same values. Used by the *_fuzz.cc files only.
#pragma once

#include <vector>

#include "weir/base/assert.h"
#include "weir/protocol/decode.h"
#include "weir/protocol/describe.h"
#include "weir/protocol/encode.h"

namespace weir::protocol {

template <typename Belongs>
std::vector<const Message*> fuzz_family(Belongs belongs) {
  std::vector<const Message*> family;
  for (const Message* message : all_messages()) {
    if (belongs(*message)) family.push_back(message);
  }
  return family;
}

inline void fuzz_one(const std::vector<const Message*>& family, ByteView input) {
  constexpr size_t kChoiceBytes = 3;
  if (input.size() < kChoiceBytes) return;
  const auto byte = [&](size_t at) { return static_cast<size_t>(input[at]); };
  const Message& message = *family[(byte(0) * 256 + byte(1)) % family.size()];
  const int versions = message.versions.last - message.versions.first + 1;
  const auto version = static_cast<int16_t>(message.versions.first + static_cast<int>(byte(2)) % versions);
  AnyMessage first(message);
  const ByteView body = input.subspan(kChoiceBytes);
  const auto read = decode_into(message, version, body, nullptr, first.instance());
  if (!read) {
    WEIR_ASSERT(read.error().code() == ErrorCode::kMalformedFrame && !read.error().message().empty());
    return;
  }
  WEIR_ASSERT(*read <= body.size());
  FrameWriter out;
  WEIR_ASSERT(encode_from(message, version, first.instance(), out).has_value());
  WEIR_ASSERT(out.size() == size_of(message, version, first.instance()));
  const SharedBytes bytes = std::move(out).join();
  AnyMessage second(message);
  WEIR_ASSERT(decode_into(message, version, bytes, &bytes, second.instance()).has_value());
  WEIR_ASSERT(equal_values(*message.root, first.instance(), second.instance()));
  WEIR_ASSERT(describe(*message.root, first.instance()) == describe(*message.root, second.instance()));
}

}  // namespace weir::protocol
