#include "weir/codec/lz4.h"

#include <lz4frame.h>

#include <algorithm>
#include <bit>

#include "weir/codec/compression.h"
#include "weir/codec/output.h"

namespace weir::codec {
namespace {

constexpr int kSlowLevelMin = 3;  // below it the library uses the fast compressor
constexpr int kSlowLevelMax = 12;
constexpr size_t kMagicBytes = 4;
constexpr unsigned kContentSizeFlag = 0x08;
constexpr unsigned kDictionaryFlag = 0x01;

struct CompressionContextFree {
  void operator()(LZ4F_cctx* context) const { LZ4F_freeCompressionContext(context); }
};
struct DecompressionContextFree {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

// XXH32 with seed 0 of fewer than 16 bytes: what a frame's header checksum is made from (lz4_Frame_format, "Header
// Checksum": the second byte of the hash).
uint32_t xxh32_short(ByteView bytes) {
  constexpr uint32_t kPrime1 = 0x9E3779B1, kPrime2 = 0x85EBCA77, kPrime3 = 0xC2B2AE3D, kPrime4 = 0x27D4EB2F, kPrime5 = 0x165667B1;
  uint32_t hash = kPrime5 + static_cast<uint32_t>(bytes.size());
  while (bytes.size() >= 4) {
    uint32_t word;
    std::memcpy(&word, bytes.data(), sizeof word);  // little-endian in the algorithm
    if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
    hash = std::rotl(hash + word * kPrime3, 17) * kPrime4;
    bytes = bytes.subspan(4);
  }
  for (const std::byte byte : bytes) hash = std::rotl(hash + static_cast<uint32_t>(byte) * kPrime5, 11) * kPrime1;
  hash = (hash ^ (hash >> 15)) * kPrime2;
  hash = (hash ^ (hash >> 13)) * kPrime3;
  return hash ^ (hash >> 16);
}

// The header of the frame at the beginning of `frame` with its checksum made right; empty when it is not whole.
Bytes mended_header(ByteView frame) {
  if (frame.size() < kMagicBytes + 3) return {};
  const auto flags = static_cast<unsigned>(frame[kMagicBytes]);
  const size_t descriptor = 2 + ((flags & kContentSizeFlag) != 0 ? 8 : 0) + ((flags & kDictionaryFlag) != 0 ? 4 : 0);
  if (frame.size() < kMagicBytes + descriptor + 1) return {};
  Bytes header(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(kMagicBytes + descriptor + 1));
  header.back() = static_cast<std::byte>(xxh32_short(ByteView(header).subspan(kMagicBytes, descriptor)) >> 8);
  return header;
}

std::unexpected<Error> not_lz4(size_t status) {
  return fail(ErrorCode::kCorruptMessage, fmt::format("not valid lz4: {}", LZ4F_getErrorName(status)));
}

}  // namespace

struct Lz4::Contexts {
  std::unique_ptr<LZ4F_cctx, CompressionContextFree> compression;
  std::unique_ptr<LZ4F_dctx, DecompressionContextFree> decompression;
};

Lz4::Lz4() : contexts_(std::make_unique<Contexts>()) {}
Lz4::~Lz4() = default;

Result<Bytes> Lz4::compress(int level, ByteView input) {
  if (!contexts_->compression) {
    LZ4F_cctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION))) {
      return fail(ErrorCode::kInternal, "lz4 compressor could not be made");
    }
    contexts_->compression.reset(context);
  }
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.compressionLevel = level == default_level(Compression::kLz4) ? 0 : std::clamp(level, kSlowLevelMin, kSlowLevelMax);
  preferences.autoFlush = 1;

  LZ4F_cctx* context = contexts_->compression.get();
  Bytes output(LZ4F_HEADER_SIZE_MAX + LZ4F_compressBound(input.size(), &preferences));
  size_t used = LZ4F_compressBegin(context, output.data(), output.size(), &preferences);
  if (!LZ4F_isError(used)) {
    const size_t body =
        LZ4F_compressUpdate(context, output.data() + used, output.size() - used, input.data(), input.size(), nullptr);
    used = LZ4F_isError(body) ? body : used + body;
  }
  if (!LZ4F_isError(used)) {
    const size_t end = LZ4F_compressEnd(context, output.data() + used, output.size() - used, nullptr);
    used = LZ4F_isError(end) ? end : used + end;
  }
  if (LZ4F_isError(used)) return fail(ErrorCode::kInternal, fmt::format("lz4 compressor: {}", LZ4F_getErrorName(used)));
  output.resize(used);
  return output;
}

Result<void> Lz4::decompress(ByteView input, HeaderChecksum header_checksum, size_t output_bytes_max, Bytes& output) {
  if (!contexts_->decompression) {
    LZ4F_dctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) {
      return fail(ErrorCode::kInternal, "lz4 decompressor could not be made");
    }
    contexts_->decompression.reset(context);
  }
  LZ4F_dctx* context = contexts_->decompression.get();
  LZ4F_resetDecompressionContext(context);

  CappedOutput out(output, input.size(), output_bytes_max);
  if (input.empty()) return fail(ErrorCode::kCorruptMessage, "not valid lz4: empty");
  bool at_frame_start = true;
  for (;;) {
    if (at_frame_start && header_checksum == HeaderChecksum::kIgnored) {
      const Bytes header = mended_header(input);
      size_t nothing = 0;
      size_t taken = header.size();
      const size_t status = LZ4F_decompress(context, nullptr, &nothing, header.data(), &taken, nullptr);
      if (LZ4F_isError(status)) return not_lz4(status);
      if (taken == 0) return fail(ErrorCode::kCorruptMessage, "lz4 frame is cut short");
      input = input.subspan(taken);
    }
    if (out.is_full()) WEIR_CHECK(out.grow());
    size_t written = out.room();
    size_t taken = input.size();
    const size_t status = LZ4F_decompress(context, out.at(), &written, input.data(), &taken, nullptr);
    if (LZ4F_isError(status)) return not_lz4(status);
    WEIR_CHECK(out.produced(written));
    input = input.subspan(taken);
    at_frame_start = status == 0;
    if (at_frame_start && input.empty()) break;
    if (taken == 0 && written == 0) return fail(ErrorCode::kCorruptMessage, "lz4 frame is cut short");
  }
  out.finish();
  return {};
}

}  // namespace weir::codec
