// Accidents for a world: each seed enables a random subset of kinds (swarm testing), each kind with a stream of its own.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "weir/runtime/sim/world.h"

namespace weir::sim {

struct ChaosPlan {
  Duration crash_mean{8s};
  Duration cut_mean{6s};
  Duration pause_mean{10s};
  Duration break_mean{5s};
  Duration clock_mean{10s};
  Duration stop_mean{15s};
  Duration down_max{3s};
  unsigned crash_in_recovery_percent = 30;
};

// Draws how unkind the network and the disk of this seed are: every kind off in half of the seeds.
// `tracing`: debug lines too; they change nothing else.
runtime::SimOptions draw_options(uint64_t seed, bool tracing);

class Chaos {
 public:
  // `boot` starts the program of `victim` after each restart (not the first time).
  Chaos(runtime::SimWorld& world, runtime::SimNode& victim, std::vector<runtime::SimNode*> others, const ChaosPlan& plan,
        std::function<void()> boot, std::function<void()> stop_cleanly = {});

  // The program of the victim ended, or can do no more. `disk_failed`: a sync failed, so its page cache lies from now on and
  // only a power cut can tell the truth. The machine is switched off and on.
  void exited(bool disk_failed);
  // No more accidents; the victim is up and links are mended afterwards.
  void stop();
  bool is_stopped() const { return stopped_; }
  uint64_t crashes() const { return crashes_; }

 private:
  enum Kind { kCrash, kCut, kPause, kBreak, kClock, kStop, kKinds };
  struct Habit {
    bool enabled;
    Duration mean;
    Prng when;
    Prng what;
  };
  void arm(Kind kind);
  void act(Kind kind);
  void crash();
  void come_up();

  runtime::SimWorld& world_;
  runtime::SimNode& victim_;
  std::vector<runtime::SimNode*> others_;
  ChaosPlan plan_;
  std::function<void()> boot_;
  std::function<void()> stop_cleanly_;
  std::vector<Habit> habits_;
  bool stopped_ = false;
  bool must_cut_power_ = false;  // its page cache lies since a failed sync
  uint64_t crashes_ = 0;
};

}  // namespace weir::sim
