#include "weir/runtime/sim/random.h"

#include <algorithm>
#include <cstring>

namespace weir::runtime {

void SimRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    const uint64_t word = stream_.next();
    const size_t count = std::min(out.size(), sizeof word);
    std::memcpy(out.data(), &word, count);
    out = out.subspan(count);
  }
}

}  // namespace weir::runtime
