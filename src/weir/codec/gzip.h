// gzip (RFC 1952). Levels 1-3 by ISA-L, 4-9 by libdeflate; inflation by ISA-L as a stream, several members accepted.
//
// Owner, limits and errors are those of Codecs (compression.h), for which this is.
#pragma once

#include <memory>

#include "weir/base/bytes.h"
#include "weir/base/error.h"

namespace weir::codec {

class Gzip {
 public:
  Gzip();
  ~Gzip();
  Result<Bytes> compress(int level, ByteView input);  // -1 means 6
  Result<void> decompress(ByteView input, size_t output_bytes_max, Bytes& output);

 private:
  Result<Bytes> compress_fast(int level, ByteView input);
  Result<Bytes> compress_tight(int level, ByteView input);

  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace weir::codec
