// CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of record batches v2 and of producer snapshots.
#pragma once

#include <cstdint>

#include "weir/base/bytes.h"

namespace weir {

// The checksum of `bytes`; pass an earlier result as `previous` to go on from it.
uint32_t crc32c(ByteView bytes, uint32_t previous = 0);

}  // namespace weir
