#include "weir/runtime/real/random.h"

#include <sys/random.h>

#include <cerrno>

#include "weir/base/assert.h"

namespace weir::runtime {

void RealRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    const ssize_t count = getrandom(out.data(), out.size(), 0);
    WEIR_ASSERT(count > 0 || errno == EINTR, errno);
    if (count > 0) out = out.subspan(static_cast<size_t>(count));
  }
}

}  // namespace weir::runtime
