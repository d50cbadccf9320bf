#include "weir/rpc/backoff.h"

#include <algorithm>

#include "weir/base/assert.h"

namespace weir::rpc {

Duration Backoff::after(int failures) const {
  WEIR_ASSERT(failures > 0, failures);
  Duration pause = std::min(first, max);
  for (int doublings = failures - 1; doublings > 0 && pause < max; --doublings) {
    if (pause == Duration::zero()) break;
    pause = std::min(max, pause * 2);
  }
  return pause;
}

Duration jittered(Duration pause, runtime::Random& random) {
  const auto spread = static_cast<uint64_t>(pause.count() * 2 / 5 + 1);
  return pause * 4 / 5 + Duration(static_cast<int64_t>(random.word() % spread));
}

}  // namespace weir::rpc
