// Cancellation: a StopSource asks, StopTokens see it, StopCallbacks run at once when it happens.
// One shard only; nothing here is shared between threads.
#pragma once

#include <memory>

#include "weir/base/intrusive_list.h"

namespace weir::runtime {

class StopCallback;

namespace detail {
struct StopState {
  bool requested = false;
  IntrusiveList<StopCallback> callbacks;
};
}  // namespace detail

// Cheap to copy; the default token never stops.
class StopToken {
 public:
  StopToken() = default;
  bool stop_requested() const { return state_ != nullptr && state_->requested; }

 private:
  friend class StopSource;
  friend class StopCallback;
  explicit StopToken(std::shared_ptr<detail::StopState> state) : state_(std::move(state)) {}
  std::shared_ptr<detail::StopState> state_;
};

// Runs `on_stop` once when the token's source asks to stop, unless destroyed or detached before. When the stop was already
// requested at attach, `attach` returns false and `on_stop` is not called.
class StopCallback : public ListHook {
 public:
  StopCallback() = default;
  virtual ~StopCallback() = default;
  bool attach(const StopToken& token);
  void detach() {
    unlink();
    state_.reset();
  }
  virtual void on_stop() = 0;

 private:
  std::shared_ptr<detail::StopState> state_;
};

class StopSource {
 public:
  StopSource() : state_(std::make_shared<detail::StopState>()) {}
  StopToken token() const { return StopToken(state_); }
  bool stop_requested() const { return state_->requested; }
  void request_stop();

 private:
  std::shared_ptr<detail::StopState> state_;
};

}  // namespace weir::runtime
