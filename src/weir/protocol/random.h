// Random instances that are valid in one version: for round-trip tests, fuzz seeds and simulation.
#pragma once

#include "weir/base/prng.h"
#include "weir/protocol/wire.h"

namespace weir::protocol {

// Fills `instance`, which must be a default one. Fields that the version lacks keep their default.
void randomize(const Message& message, int16_t version, Prng& prng, void* instance);

template <WireMessage T>
T random(Prng& prng, int16_t version) {
  T value;
  randomize(T::kMessage, version, prng, &value);
  return value;
}

}  // namespace weir::protocol
