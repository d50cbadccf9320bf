// Ranges of versions, as the pages and the API table have them.
#pragma once

#include <cstdint>

namespace weir::protocol {

inline constexpr int16_t kNever = INT16_MAX;

// Versions first..last, both included; empty when first > last.
struct VersionRange {
  int16_t first = 0;
  int16_t last = -1;
  constexpr bool has(int version) const { return first <= version && version <= last; }
  constexpr bool empty() const { return first > last; }
  friend constexpr bool operator==(VersionRange, VersionRange) = default;
};

}  // namespace weir::protocol
