// Randomness of a node: unpredictable on the real system (getrandom), a stream of the seed in the simulator.
#pragma once

#include <cstdint>

#include "weir/base/bytes.h"
#include "weir/base/uuid.h"

namespace weir::runtime {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes out) = 0;

  uint64_t word() {
    uint64_t value;
    fill({reinterpret_cast<std::byte*>(&value), sizeof value});
    return value;
  }
  // A version-4 UUID whose text does not begin with '-' (it would read as an option on a command line), never zero.
  Uuid uuid() {
    for (;;) {
      const Uuid id{(word() & ~0xf000ull) | 0x4000ull, (word() & ~(3ull << 62)) | (2ull << 62)};
      if (id.high >> 58 != 62) return id;
    }
  }
};

}  // namespace weir::runtime
