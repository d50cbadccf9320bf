#include "weir/codec/compression.h"

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/codec/gzip.h"
#include "weir/codec/lz4.h"
#include "weir/codec/snappy.h"
#include "weir/codec/zstd.h"

namespace weir::codec {

std::string_view name_of(Compression compression) {
  switch (compression) {
    case Compression::kNone: return "none";
    case Compression::kGzip: return "gzip";
    case Compression::kSnappy: return "snappy";
    case Compression::kLz4: return "lz4";
    case Compression::kZstd: return "zstd";
  }
  return "unknown";
}

std::optional<Compression> compression_named(std::string_view name) {
  for (int i = 0; i < kCompressionCount; ++i) {
    const auto compression = static_cast<Compression>(i);
    if (name == name_of(compression)) return compression;
  }
  return std::nullopt;
}

// Each codec makes its own contexts when it is first used.
struct Codecs::Contexts {
  Gzip gzip;
  Snappy snappy;
  Lz4 lz4;
  Zstd zstd;
};

Codecs::Codecs() : contexts_(std::make_unique<Contexts>()) {}
Codecs::~Codecs() = default;
Codecs::Codecs(Codecs&&) noexcept = default;
Codecs& Codecs::operator=(Codecs&&) noexcept = default;

Result<Bytes> Codecs::compress(Compression compression, int level, ByteView input) {
  switch (compression) {
    case Compression::kNone: return Bytes(input.begin(), input.end());
    case Compression::kGzip: return contexts_->gzip.compress(level, input);
    case Compression::kSnappy: return contexts_->snappy.compress(input);
    case Compression::kLz4: return contexts_->lz4.compress(level, input);
    case Compression::kZstd: return contexts_->zstd.compress(level, input);
  }
  WEIR_UNREACHABLE(static_cast<int>(compression));
}

Result<void> Codecs::decompress_into(Compression compression, ByteView input, size_t output_bytes_max, Bytes& output) {
  switch (compression) {
    case Compression::kNone:
      if (input.size() > output_bytes_max) {
        return fail(ErrorCode::kOutputTooLarge, fmt::format("more than {} bytes", output_bytes_max));
      }
      output.assign(input.begin(), input.end());
      return {};
    case Compression::kGzip: return contexts_->gzip.decompress(input, output_bytes_max, output);
    case Compression::kSnappy: return contexts_->snappy.decompress(input, output_bytes_max, output);
    case Compression::kLz4: return contexts_->lz4.decompress(input, Lz4::HeaderChecksum::kChecked, output_bytes_max, output);
    case Compression::kZstd: return contexts_->zstd.decompress(input, output_bytes_max, output);
  }
  WEIR_UNREACHABLE(static_cast<int>(compression));
}

Result<void> Codecs::decompress_lz4_v0_into(ByteView input, size_t output_bytes_max, Bytes& output) {
  return contexts_->lz4.decompress(input, Lz4::HeaderChecksum::kIgnored, output_bytes_max, output);
}

Result<Bytes> Codecs::decompress(Compression compression, ByteView input, size_t output_bytes_max) {
  Bytes output;
  WEIR_CHECK(decompress_into(compression, input, output_bytes_max, output));
  return output;
}

}  // namespace weir::codec
