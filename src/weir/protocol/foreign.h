// What else speaks on a port where Kafka's protocol is expected: told by the four bytes that would be a frame's length.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::protocol {

// "HTTP", "TLS", or nothing.
constexpr std::string_view foreign_protocol(int32_t frame_bytes) {
  const auto bytes = static_cast<uint32_t>(frame_bytes);
  for (const std::string_view word : {"GET ", "POST", "PUT ", "HEAD", "HTTP", "OPTI", "PRI "}) {
    uint32_t spelt = 0;
    for (const char c : word) spelt = spelt << 8 | static_cast<uint8_t>(c);
    if (bytes == spelt) return "HTTP";
  }
  const uint32_t type = bytes >> 24;                                  // 21 alert, 22 handshake; then the version, 3.0 to 3.4
  return (type == 21 || type == 22) && (bytes >> 8 & 0xffff) >= 0x300 && (bytes >> 8 & 0xffff) <= 0x304 ? "TLS" : "";
}

}  // namespace weir::protocol
