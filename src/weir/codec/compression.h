// The five codecs of Kafka's record batches: bytes in, bytes out.
//
//   none, gzip (RFC 1952), snappy (xerial framing as Java writes it; raw accepted), lz4 frame, zstd frame
//
// Owner    whoever holds the Codecs object: one per shard, or one per cold call.
// Shard    a Codecs object belongs to one thread at a time; nothing here is shared or global.
// Format   docs/internals/codec.md; the numbers of Compression are the wire's (bits 0-2 of a batch's attributes).
// Holds    - decompress never returns more than `output_bytes_max` bytes, nor allocates more than one above for them
//          - output memory grows with what was really produced: a length claimed by the input is a hint, not a promise
//
// Each codec's library is included by one file only: gzip.cc, snappy.cc, lz4.cc, zstd.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "weir/base/bytes.h"
#include "weir/base/error.h"

namespace weir::codec {

enum class Compression : uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };
inline constexpr int kCompressionCount = 5;

// "none", "gzip", "snappy", "lz4", "zstd": as in compression.type.
std::string_view name_of(Compression compression);
// The one of that name.
std::optional<Compression> compression_named(std::string_view name);

// The level Kafka uses when none is configured (compression.gzip.level -1, lz4 9, zstd 3); 0 where levels mean nothing.
constexpr int default_level(Compression compression) {
  switch (compression) {
    case Compression::kGzip: return -1;
    case Compression::kLz4: return 9;
    case Compression::kZstd: return 3;
    default: return 0;
  }
}

// Compressors and decompressors with their contexts, which cost more to make than a small batch costs to compress.
class Codecs {
 public:
  Codecs();
  ~Codecs();
  Codecs(Codecs&&) noexcept;
  Codecs& operator=(Codecs&&) noexcept;

  // `level` is the codec's own; out of range is clamped.
  // Errors: kInvalidArgument (snappy above 2 GiB, gzip above 4 GiB); kInternal (the library refused; not caused by the input).
  Result<Bytes> compress(Compression compression, int level, ByteView input);

  // Replaces `output` with the decompressed bytes, reusing its capacity. Anything after the last frame that is not a
  // frame is an error, but for gzip, whose other readers pass over it. On an error the contents of `output` mean nothing.
  // Errors: kCorruptMessage (not what the codec writes, or cut short); kOutputTooLarge (more than `output_bytes_max`).
  Result<void> decompress_into(Compression compression, ByteView input, size_t output_bytes_max, Bytes& output);
  Result<Bytes> decompress(Compression compression, ByteView input, size_t output_bytes_max);

  // lz4 out of a message of magic 0, whose frames carry a wrong header checksum (lz4.h). Otherwise as decompress_into.
  Result<void> decompress_lz4_v0_into(ByteView input, size_t output_bytes_max, Bytes& output);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace weir::codec
