#include "weir/codec/crc32.h"

#include <isa-l/crc.h>

namespace weir::codec {

uint32_t crc32(ByteView bytes) { return crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()); }

}  // namespace weir::codec
