// Variable-length integers as Kafka writes them: little-endian groups of 7 bits; signed ones zig-zag.
// Source: Kafka protocol guide ("VARINT", "VARLONG", "UNSIGNED_VARINT"); same as Protocol Buffers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace weir {

inline constexpr size_t kVarintBytesMax = 5;
inline constexpr size_t kVarlongBytesMax = 10;

constexpr uint32_t zigzag(int32_t value) { return (static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31); }
constexpr uint64_t zigzag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }
constexpr int32_t unzigzag(uint32_t value) { return static_cast<int32_t>((value >> 1) ^ (~(value & 1) + 1)); }
constexpr int64_t unzigzag(uint64_t value) { return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1)); }

constexpr size_t unsigned_varint_size(uint64_t value) { return value == 0 ? 1 : (static_cast<size_t>(std::bit_width(value)) + 6) / 7; }
constexpr size_t varint_size(int64_t value) { return unsigned_varint_size(zigzag(value)); }

// Writes `value` at `to` and returns the place after it; up to kVarlongBytesMax bytes.
inline std::byte* put_unsigned_varint(std::byte* to, uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<std::byte>(value);
  return to;
}

// Reads one varint of at most `bytes_max` bytes from [from, end); returns the place after it, or nullptr when the input
// ends inside it, it is too long, or its last byte carries bits beyond the type (bytes_max 5: 32 bits, 10: 64 bits).
inline const std::byte* get_unsigned_varint(const std::byte* from, const std::byte* end, size_t bytes_max, uint64_t& value) {
  value = 0;
  for (size_t i = 0; i < bytes_max; ++i) {
    if (from == end) return nullptr;
    const auto byte = static_cast<uint64_t>(*from++);
    const unsigned shift = static_cast<unsigned>(7 * i);
    value |= (byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      const unsigned bits_left = (bytes_max == kVarintBytesMax ? 32 : 64) - shift;
      return bits_left < 7 && (byte >> bits_left) != 0 ? nullptr : from;
    }
  }
  return nullptr;
}

}  // namespace weir
