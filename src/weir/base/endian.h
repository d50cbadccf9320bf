// Big-endian integers at a place in memory. No bounds checks: callers own the range.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

namespace weir {

template <std::integral T>
T load_be(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (sizeof(T) > 1 && std::endian::native == std::endian::little) value = std::byteswap(value);
  return value;
}

template <std::integral T>
void store_be(std::byte* to, T value) {
  if constexpr (sizeof(T) > 1 && std::endian::native == std::endian::little) value = std::byteswap(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace weir
