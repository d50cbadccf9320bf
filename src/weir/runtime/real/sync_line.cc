#include "weir/runtime/real/sync_line.h"

#include <fcntl.h>

#include <array>

namespace weir::runtime {

SyncLine::Place::Place(SyncLine& line, std::shared_ptr<const int> descriptor, uint64_t device)
    : line_(line), descriptor_(std::move(descriptor)), device_(device) {
  WEIR_ASSERT(descriptor_ != nullptr && *descriptor_ >= 0);
  const std::lock_guard lock(line_.mutex_);
  line_.places_.push_back(*this);
}

SyncLine::Place::~Place() {
  const std::lock_guard lock(line_.mutex_);
  unlink();
}

void SyncLine::Place::begin() {
  std::array<std::shared_ptr<const int>, kStartedAtOnceMax> others;
  size_t count = 0;
  {
    const std::lock_guard lock(line_.mutex_);
    WEIR_ASSERT(is_linked());
    unlink();
    for (Place* place = line_.places_.empty() ? nullptr : &line_.places_.front(); place != nullptr && count < kStartedAtOnceMax;
         place = line_.places_.next(*place)) {
      if (place->is_started_ || place->device_ != device_) continue;
      place->is_started_ = true;
      others[count++] = place->descriptor_;
    }
  }
  // A system that refuses leaves all of it to the syncs.
  for (size_t i = 0; i < count; ++i) (void)::sync_file_range(*others[i], 0, 0, SYNC_FILE_RANGE_WRITE);
}

}  // namespace weir::runtime
