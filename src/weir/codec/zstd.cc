#include "weir/codec/zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "weir/codec/output.h"

namespace weir::codec {
namespace {

// Room given to a frame on its own word before anything was produced from it.
constexpr size_t kTrustedBytes = 64 * 1024;
constexpr size_t kTrustedExpansion = 32;

struct ZstdCompressorFree {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct ZstdDecompressorFree {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

struct Zstd::Contexts {
  std::unique_ptr<ZSTD_CCtx, ZstdCompressorFree> compression;
  std::unique_ptr<ZSTD_DCtx, ZstdDecompressorFree> decompression;
};

Zstd::Zstd() : contexts_(std::make_unique<Contexts>()) {}
Zstd::~Zstd() = default;

Result<Bytes> Zstd::compress(int level, ByteView input) {
  if (!contexts_->compression) contexts_->compression.reset(ZSTD_createCCtx());
  ZSTD_CCtx* context = contexts_->compression.get();
  if (context == nullptr) return fail(ErrorCode::kInternal, "zstd compressor could not be made");
  const int clamped = std::clamp(level, ZSTD_minCLevel(), ZSTD_maxCLevel());
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, clamped);
  Bytes output(ZSTD_compressBound(input.size()));
  const size_t size = ZSTD_compress2(context, output.data(), output.size(), input.data(), input.size());
  if (ZSTD_isError(size)) return fail(ErrorCode::kInternal, fmt::format("zstd compressor: {}", ZSTD_getErrorName(size)));
  output.resize(size);
  return output;
}

// One frame at a time, in one step straight into the output: no window is allocated or copied, whatever the frame claims.
// A frame that does not tell its size may need a second try with twice the room.
Result<void> Zstd::decompress(ByteView input, size_t output_bytes_max, Bytes& output) {
  if (!contexts_->decompression) contexts_->decompression.reset(ZSTD_createDCtx());
  ZSTD_DCtx* context = contexts_->decompression.get();
  if (context == nullptr) return fail(ErrorCode::kInternal, "zstd decompressor could not be made");

  CappedOutput out(output, input.size(), output_bytes_max);
  do {
    const size_t frame_bytes = ZSTD_findFrameCompressedSize(input.data(), input.size());
    if (ZSTD_isError(frame_bytes)) {
      return fail(ErrorCode::kCorruptMessage, fmt::format("not valid zstd: {}", ZSTD_getErrorName(frame_bytes)));
    }
    const unsigned long long claimed = ZSTD_getFrameContentSize(input.data(), frame_bytes);
    if (claimed != ZSTD_CONTENTSIZE_UNKNOWN && claimed != ZSTD_CONTENTSIZE_ERROR) {
      if (claimed > output_bytes_max - out.used()) return out.produced(output_bytes_max - out.used() + 1);
      WEIR_CHECK(out.reserve(std::min<size_t>(claimed, std::max(kTrustedBytes, kTrustedExpansion * frame_bytes))));
    }
    size_t size;
    for (;;) {
      size = ZSTD_decompressDCtx(context, out.at(), out.room(), input.data(), frame_bytes);
      if (!ZSTD_isError(size)) break;
      if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall) {
        return fail(ErrorCode::kCorruptMessage, fmt::format("not valid zstd: {}", ZSTD_getErrorName(size)));
      }
      WEIR_CHECK(out.grow());
    }
    WEIR_CHECK(out.produced(size));
    input = input.subspan(frame_bytes);
  } while (!input.empty());
  out.finish();
  return {};
}

}  // namespace weir::codec
