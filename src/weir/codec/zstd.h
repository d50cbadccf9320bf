// zstd frames (RFC 8878). Frames without a content size, as the Java client writes, and several in a row are read.
//
// Owner, limits and errors are those of Codecs (compression.h), for which this is.
#pragma once

#include <memory>

#include "weir/base/bytes.h"
#include "weir/base/error.h"

namespace weir::codec {

class Zstd {
 public:
  Zstd();
  ~Zstd();
  Result<Bytes> compress(int level, ByteView input);
  Result<void> decompress(ByteView input, size_t output_bytes_max, Bytes& output);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace weir::codec
