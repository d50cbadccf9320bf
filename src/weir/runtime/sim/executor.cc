#include "weir/runtime/sim/executor.h"

#include <algorithm>

namespace weir::runtime {

namespace {
constexpr size_t kResumesPerTurnMax = 10'000;  // then other nodes get a chance, and time goes on
constexpr int64_t kMillion = 1'000'000;
}  // namespace

SimExecutor::SimExecutor(SimCore& core, int32_t node, std::string_view name)
    : core_(core), node_(node), costs_(core.stream(name, "step cost")) {
  Prng clocks = core.stream(name, "clock");
  anchor_local_.ns = clocks.between(0, Duration(60min).count());
  drift_ppm_ = clocks.between(-core.options.drift_ppm_max, core.options.drift_ppm_max);
}

void SimExecutor::schedule(std::coroutine_handle<> handle) {
  if (!on_) return;
  queue_.schedule(handle);
  if (!in_turn_) plan_turn();
}

void SimExecutor::schedule_next_turn(std::coroutine_handle<> handle) {
  if (!on_) return;
  queue_.schedule_next_turn(handle);
  if (!in_turn_) plan_turn();
}

void SimExecutor::at_turn_end(TurnHook& hook) {
  if (!on_) return;
  queue_.at_turn_end(hook);
  if (!in_turn_) plan_turn();
}

MonoTime SimExecutor::local_time(MonoTime world) const {
  const __int128 elapsed = world.ns - anchor_world_.ns;
  return {anchor_local_.ns + static_cast<int64_t>(elapsed + elapsed * drift_ppm_ / kMillion)};
}

MonoTime SimExecutor::world_time(MonoTime local) const {
  if (local == kFarFuture) return kFarFuture;
  const __int128 elapsed = local.ns - anchor_local_.ns;
  MonoTime world{anchor_world_.ns + static_cast<int64_t>(elapsed * kMillion / (kMillion + drift_ppm_)) - 2};
  while (local_time(world) < local) ++world.ns;
  return world;
}

void SimExecutor::set_drift(int64_t ppm) {
  WEIR_ASSERT(ppm > -kMillion / 2 && ppm < kMillion, ppm);
  anchor_local_ = local_time(core_.now);
  anchor_world_ = core_.now;
  drift_ppm_ = ppm;
  if (!in_turn_) plan_turn();
}

void SimExecutor::pause_until(MonoTime world) {
  busy_until_ = std::max(busy_until_, world);
  if (!in_turn_) plan_turn();
}

void SimExecutor::turn_off() {
  WEIR_ASSERT(!in_turn_);  // a node cannot crash itself from its own coroutine: plan the crash
  on_ = false;
  queue_.clear();
  Occurrence::cancel();
  busy_until_ = core_.now;
}

void SimExecutor::do_arm(Timer& timer, MonoTime when) {
  timers_.arm(timer, when);
  if (!in_turn_) plan_turn();
}

void SimExecutor::plan_turn() {
  if (!on_) return;
  MonoTime when = queue_.empty() ? world_time(timers_.earliest()) : core_.now;
  if (when == kFarFuture) return;
  when = std::max({when, busy_until_, core_.now});
  if (is_planned() && planned_for() == when) return;
  core_.agenda.plan(*this, when);
}

void SimExecutor::happen() {
  if (busy_until_ > core_.now) return plan_turn();
  in_turn_ = true;
  const size_t fired = timers_.fire_due(now());
  const size_t resumed = queue_.run(kResumesPerTurnMax);
  in_turn_ = false;
  if (resumed + fired > 0) core_.note(SimEvent::kTurn, node_, static_cast<int64_t>(resumed), static_cast<int64_t>(fired));
  const int64_t step = costs_.between(core_.options.step_cost_min.count(), core_.options.step_cost_max.count());
  busy_until_ = core_.now + Duration(step * static_cast<int64_t>(resumed + fired));
  plan_turn();
}

}  // namespace weir::runtime
