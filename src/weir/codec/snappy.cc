#include "weir/codec/snappy.h"

#include <snappy.h>

#include <algorithm>
#include <limits>

#include "weir/base/endian.h"
#include "weir/codec/output.h"

namespace weir::codec {
namespace {

// "\x82SNAPPY\0", version 1, least compatible version 1.
constexpr unsigned char kXerialHeader[16] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
constexpr size_t kXerialMagicBytes = 8;
constexpr size_t kXerialBlockBytes = 32 * 1024;

// A copy element makes at most 64 bytes out of 3, so no valid block grows by more than this; a larger claim is a lie,
// refused before memory is given to it.
constexpr size_t kExpansionMax = 22;

bool is_xerial(ByteView input) {
  return input.size() >= sizeof kXerialHeader && std::memcmp(input.data(), kXerialHeader, kXerialMagicBytes) == 0;
}

const char* chars(const std::byte* at) { return reinterpret_cast<const char*>(at); }

Result<void> snappy_block(ByteView block, CappedOutput& out) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(chars(block.data()), block.size(), &size) || size / kExpansionMax > block.size()) {
    return fail(ErrorCode::kCorruptMessage, "not valid snappy: impossible length");
  }
  WEIR_CHECK(out.reserve(size));
  if (out.room() < size) return out.produced(size);  // says that it is too large
  if (!snappy::RawUncompress(chars(block.data()), block.size(), reinterpret_cast<char*>(out.at()))) {
    return fail(ErrorCode::kCorruptMessage, "not valid snappy");
  }
  return out.produced(size);
}

}  // namespace

Result<Bytes> Snappy::compress(ByteView input) {
  if (input.size() > std::numeric_limits<int32_t>::max()) return fail(ErrorCode::kInvalidArgument, "more than 2 GiB to compress");
  const size_t blocks = (input.size() + kXerialBlockBytes - 1) / kXerialBlockBytes;
  Bytes output(sizeof kXerialHeader + blocks * (sizeof(int32_t) + snappy::MaxCompressedLength(kXerialBlockBytes)));
  std::memcpy(output.data(), kXerialHeader, sizeof kXerialHeader);
  size_t at = sizeof kXerialHeader;
  for (size_t from = 0; from < input.size(); from += kXerialBlockBytes) {
    const ByteView block = input.subspan(from, std::min(kXerialBlockBytes, input.size() - from));
    size_t size = 0;
    snappy::RawCompress(chars(block.data()), block.size(), reinterpret_cast<char*>(output.data() + at + sizeof(int32_t)), &size);
    store_be(output.data() + at, static_cast<int32_t>(size));
    at += sizeof(int32_t) + size;
  }
  output.resize(at);
  return output;
}

Result<void> Snappy::decompress(ByteView input, size_t output_bytes_max, Bytes& output) {
  CappedOutput out(output, input.size(), output_bytes_max);
  if (!is_xerial(input)) {
    WEIR_CHECK(snappy_block(input, out));
    out.finish();
    return {};
  }
  while (!input.empty()) {
    if (is_xerial(input)) {  // the first header, or that of a stream appended to the first
      input = input.subspan(sizeof kXerialHeader);
      continue;
    }
    if (input.size() < sizeof(int32_t)) return fail(ErrorCode::kCorruptMessage, "snappy frame is cut short");
    const auto size = load_be<int32_t>(input.data());
    input = input.subspan(sizeof(int32_t));
    if (size <= 0 || static_cast<size_t>(size) > input.size()) {
      return fail(ErrorCode::kCorruptMessage,
                  fmt::format("snappy frame names a block of {} bytes, {} are left", size, input.size()));
    }
    WEIR_CHECK(snappy_block(input.first(static_cast<size_t>(size)), out));
    input = input.subspan(static_cast<size_t>(size));
  }
  out.finish();
  return {};
}

}  // namespace weir::codec
