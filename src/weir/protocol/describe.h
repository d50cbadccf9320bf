// A message as one line for a log: {topics=[{topic=clicks, partitions=[...]}], max_wait_ms=500}.
//
// Fields that hold their default are left out, secrets are shown as ***, bytes as their number, and long lists end in
// "... 90 more", so that a line stays a line.
#pragma once

#include <string>

#include "weir/protocol/wire.h"

namespace weir::protocol {

inline constexpr size_t kDescribedElementsMax = 8;
inline constexpr size_t kDescribedTextMax = 80;

std::string describe(const Struct& type, const void* instance);

template <WireStruct T>
std::string describe(const T& value) {
  return describe(T::kWire, &value);
}

}  // namespace weir::protocol
