// lz4 frames. Written with independent blocks of 64 KiB and no content size, which every Kafka client reads; any frame is
// read, several in a row too.
//
// Kafka before 0.10 computed a frame's header checksum over the magic number as well. Messages of magic 0 carry that wrong
// checksum: `HeaderChecksum::kIgnored` reads them.
//
// Owner, limits and errors are those of Codecs (compression.h), for which this is.
#pragma once

#include <memory>

#include "weir/base/bytes.h"
#include "weir/base/error.h"

namespace weir::codec {

class Lz4 {
 public:
  enum class HeaderChecksum { kChecked, kIgnored };

  Lz4();
  ~Lz4();
  Result<Bytes> compress(int level, ByteView input);  // 9, Kafka's default, means the fast compressor; others the slow one
  Result<void> decompress(ByteView input, HeaderChecksum header_checksum, size_t output_bytes_max, Bytes& output);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace weir::codec
