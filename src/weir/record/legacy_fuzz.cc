// Any bytes as messages of magic 0 and 1. Property: no crash, no read outside, no output above its cap; offsets rise.

#include <cstdint>

#include "weir/base/assert.h"
#include "weir/codec/crc32.h"
#include "weir/record/legacy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  constexpr size_t kOutputBytesMax = 256 * 1024;
  Bytes input(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data + size));
  const auto message = record::LegacyView::parse(input);
  if (!message) return 0;
  // The outer checksum is mended, or the fuzzer would never get past it.
  store_be(input.data() + record::kPrefixBytes, codec::crc32(message->bytes().subspan(record::kMagicAt)));
  codec::Codecs codecs;
  Bytes scratch;
  const auto records = record::read_legacy_records(*message, codecs, kOutputBytesMax, scratch);
  WEIR_ASSERT(!records || scratch.size() <= kOutputBytesMax, scratch.size());
  if (records) WEIR_ASSERT(records->back().offset == message->last_offset() || message->magic() == 0);
  return 0;
}
