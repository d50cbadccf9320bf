// Any bytes in any codec. Property: no crash, no read outside, no output above its cap, and what comes out, compressed again,
// comes back the same.

#include <cstdint>

#include "weir/base/assert.h"
#include "weir/codec/compression.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  constexpr size_t kOutputBytesMax = 256 * 1024;
  if (size == 0) return 0;
  const auto compression = static_cast<codec::Compression>(data[0] % codec::kCompressionCount);
  const ByteView input(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  codec::Codecs codecs;
  Bytes output;
  if ((data[0] & 0x80) != 0) (void)codecs.decompress_lz4_v0_into(input, kOutputBytesMax, output);
  if (!codecs.decompress_into(compression, input, kOutputBytesMax, output)) return 0;
  WEIR_ASSERT(output.size() <= kOutputBytesMax, output.size());
  const Result<Bytes> again = codecs.compress(compression, codec::default_level(compression), output);
  WEIR_ASSERT(again.has_value());
  WEIR_ASSERT(equal(*codecs.decompress(compression, *again, output.size()), output));
  return 0;
}
