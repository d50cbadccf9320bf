#include "weir/runtime/stop.h"

namespace weir::runtime {

bool StopCallback::attach(const StopToken& token) {
  WEIR_ASSERT(!is_linked());
  if (token.state_ == nullptr) return true;
  if (token.state_->requested) return false;
  state_ = token.state_;
  state_->callbacks.push_back(*this);
  return true;
}

void StopSource::request_stop() {
  if (state_->requested) return;
  state_->requested = true;
  const std::shared_ptr<detail::StopState> keep = state_;
  while (!keep->callbacks.empty()) keep->callbacks.pop_front().on_stop();
}

}  // namespace weir::runtime
