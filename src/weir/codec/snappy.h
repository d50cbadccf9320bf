// snappy. Java frames it ("xerial": a header of 16 bytes, then blocks with a 4-byte length each), librdkafka does not:
// both are read; the frame is written, with blocks of 32 KiB of input, as Java writes it.
//
// Owner, limits and errors are those of Codecs (compression.h), for which this is.
#pragma once

#include "weir/base/bytes.h"
#include "weir/base/error.h"

namespace weir::codec {

class Snappy {
 public:
  Result<Bytes> compress(ByteView input);
  Result<void> decompress(ByteView input, size_t output_bytes_max, Bytes& output);
};

}  // namespace weir::codec
