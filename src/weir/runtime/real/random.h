// Randomness of the kernel, good for secrets.
#pragma once

#include "weir/runtime/random.h"

namespace weir::runtime {

class RealRandom final : public Random {
 public:
  void fill(MutableBytes out) override;
};

}  // namespace weir::runtime
