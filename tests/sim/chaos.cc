#include "chaos.h"

#include <utility>

namespace weir::sim {

using runtime::SimNode;
using runtime::SimOptions;

namespace {
constexpr const char* kKindNames[] = {"crash", "cut", "pause", "break", "clock", "stop"};
constexpr Duration kCutMax = 4s;
constexpr Duration kPauseMax = 2s;
constexpr Duration kRecoveryCrashMax = 30ms;
}  // namespace

SimOptions draw_options(uint64_t seed, bool tracing) {
  SimOptions options;
  if (tracing) options.log_level = LogLevel::kDebug;
  const auto enabled = [&](std::string_view what) { return runtime::sim_stream(seed, "swarm", what).chance(50); };
  if (enabled("loss")) options.network.loss_ppm = 5'000;
  if (enabled("reset")) options.network.reset_ppm = 1'000;
  if (enabled("clog")) options.network.clog_ppm = 500;
  if (enabled("split")) options.network.split_percent = 60;
  if (enabled("small window")) options.network.window_bytes_max = options.network.window_bytes_min = 600;
  if (enabled("latency")) options.network.latency_mean = 5ms;
  if (enabled("silent")) options.network.silent_crash_percent = 50;
  if (enabled("accept")) options.network.accept_error_ppm = 20'000;
  if (enabled("slow disk")) options.disk.slow_ppm = 500;
  if (enabled("slow sync")) options.disk.sync_mean = 8ms;
  if (enabled("sync error")) options.disk.sync_error_ppm = 500;
  if (enabled("writeback")) options.disk.writeback_percent = 30;
  if (enabled("drift")) options.drift_ppm_max = 500;
  if (enabled("wall")) options.wall_offset_max_ms = 60'000;
  return options;
}

Chaos::Chaos(runtime::SimWorld& world, SimNode& victim, std::vector<SimNode*> others, const ChaosPlan& plan,
             std::function<void()> boot, std::function<void()> stop_cleanly)
    : world_(world),
      victim_(victim),
      others_(std::move(others)),
      plan_(plan),
      boot_(std::move(boot)),
      stop_cleanly_(std::move(stop_cleanly)) {
  const Duration means[] = {plan.crash_mean, plan.cut_mean, plan.pause_mean, plan.break_mean, plan.clock_mean, plan.stop_mean};
  for (int kind = 0; kind < kKinds; ++kind) {
    const std::string_view name = kKindNames[kind];
    // Crashes are what most checkers are about: nearly always on.
    const bool enabled = runtime::sim_stream(world.seed(), "swarm", name).chance(kind == kCrash ? 90 : 50);
    habits_.push_back({enabled, means[kind], world.stream("chaos when", name), world.stream("chaos what", name)});
    arm(static_cast<Kind>(kind));
  }
}

void Chaos::arm(Kind kind) {
  Habit& habit = habits_[kind];
  if (!habit.enabled) return;
  world_.at(runtime::sample_delay(habit.when, 0ns, habit.mean), [this, kind] {
    if (stopped_) return;
    act(kind);
    arm(kind);
  });
}

void Chaos::act(Kind kind) {
  Prng& what = habits_[kind].what;
  SimNode& other = *others_[what.below(others_.size())];
  switch (kind) {
    case kCrash: crash(); break;
    case kCut: {
      const uint64_t way = what.below(3);
      if (way != 1) world_.network().cut(victim_.id(), other.id());
      if (way != 0) world_.network().cut(other.id(), victim_.id());
      world_.at(Duration(what.between(0, kCutMax.count())), [this] { world_.network().mend_all(); });
      break;
    }
    case kPause: world_.pause(what.chance(50) ? victim_ : other, Duration(what.between(0, kPauseMax.count()))); break;
    case kBreak: world_.network().break_connections(other.id()); break;
    case kClock:
      world_.jump_wall_clock(victim_, Duration(what.between(-Duration(60min).count(), Duration(60min).count())));
      break;
    case kStop:
      if (stop_cleanly_ && victim_.is_up()) stop_cleanly_();
      break;
    case kKinds: break;
  }
}

void Chaos::crash() {
  if (!victim_.is_up()) return;
  Prng& what = habits_[kCrash].what;
  ++crashes_;
  // One crash in five is of the process alone: the page cache survives it.
  const bool only_process = what.chance(20) && !must_cut_power_;
  must_cut_power_ = false;
  world_.crash(victim_, only_process ? runtime::LoseUnsynced::kNothing : runtime::LoseUnsynced::kBySeed);
  world_.at(Duration(what.between(0, plan_.down_max.count())), [this] { come_up(); });
}

void Chaos::come_up() {
  if (victim_.is_up()) return;
  world_.restart(victim_);
  boot_();
  Prng& what = habits_[kCrash].what;
  if (stopped_ || !what.chance(plan_.crash_in_recovery_percent)) return;
  world_.at(Duration(what.between(0, kRecoveryCrashMax.count())), [this] {
    if (stopped_ || !victim_.is_up()) return;
    world_.reached("crash: again, soon after a restart");
    crash();
  });
}

void Chaos::exited(bool disk_failed) {
  must_cut_power_ = must_cut_power_ || disk_failed;
  // Called from inside the victim's or a client's own coroutine: do it when its turn is over.
  world_.at(0ns, [this, incarnation = victim_.incarnation()] {
    if (victim_.incarnation() == incarnation) crash();
  });
}

void Chaos::stop() {
  stopped_ = true;
  world_.network().mend_all();
  world_.core().options.network.loss_ppm = 0;
  world_.core().options.network.reset_ppm = 0;
  world_.core().options.network.clog_ppm = 0;
  victim_.disk().options().sync_error_ppm = 0;
  victim_.disk().options().slow_ppm = 0;
  come_up();
}

}  // namespace weir::sim
