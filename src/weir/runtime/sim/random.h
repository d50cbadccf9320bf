// Randomness of a simulated node: a stream of the seed.
#pragma once

#include "weir/base/prng.h"
#include "weir/runtime/random.h"

namespace weir::runtime {

class SimRandom final : public Random {
 public:
  explicit SimRandom(Prng stream) : stream_(stream) {}
  void fill(MutableBytes out) override;

 private:
  Prng stream_;
};

}  // namespace weir::runtime
