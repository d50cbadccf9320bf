// CRC-32 (IEEE 802.3, as gzip and zlib): the checksum of record messages of magic 0 and 1.
#pragma once

#include <cstdint>

#include "weir/base/bytes.h"

namespace weir::codec {

uint32_t crc32(ByteView bytes);

}  // namespace weir::codec
