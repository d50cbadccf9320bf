// A simulated world: nodes, a network between them, disks under them, and one clock that jumps from event to event.
// One thread; what happens depends on the seed and the options and on nothing else.
//
//   SimWorld world(seed);                                     // a healthy world; see options.h for an unkind one
//   SimNode& node = world.add_node("broker");
//
//   Task<Result<void>> fill(Environment env) {                // code under test: knows nothing of simulation
//     WEIR_CO_CHECK(co_await write_file_atomically(env.disk, "/data/note", to_bytes("kept")));
//     co_return Result<void>();
//   }
//   Result<void> done = world.run(node, fill(node.environment()));      // to its end, in simulated time
//   world.power_cycle(node, LoseUnsynced::kRandomSubset);               // off, unsynced bytes lost, on again
//   Result<Bytes> back = world.run(node, read_file(node.disk(), "/data/note", 100));
//
// To crash in the middle of it: world.at(20ms, [&] { world.crash(node); }); and std::optional<...> world.try_run(...).
// Longer lived code is spawned: node.spawn(serve, node.environment()); world.run_for(60s).
// A failing seed is replayed by running the same binary with the same seed and options; fingerprint() says whether it was
// the same run.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "weir/runtime/sim/node.h"

namespace weir::runtime {

class SimWorld {
 public:
  explicit SimWorld(uint64_t seed, const SimOptions& options = {});
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // Names are host names, unique.
  SimNode& add_node(std::string name);
  SimNode& node(size_t index) { return *nodes_[index]; }
  size_t node_count() const { return nodes_.size(); }

  // --- time --------------------------------------------------------------------------------------------------------------
  MonoTime now() const { return core_.now; }
  // One event; false when the next one is later than `limit` or there is none.
  bool step(MonoTime limit = kFarFuture);
  void run_until(MonoTime limit);
  void run_for(Duration time) { run_until(now() + time); }
  // Until nothing is left to happen; false when `within` is over first.
  bool run_until_idle(Duration within);
  // Until `condition()` holds, asked after every event; false when `within` is over or nothing is left to happen.
  template <typename Condition>
  bool run_until_true(Condition condition, Duration within) {
    const MonoTime limit = now() + within;
    while (!condition()) {
      if (!step(limit)) return false;
    }
    return true;
  }

  // Runs `task` on `node` to its end. Asserts that it ends within `within` and that the node stays up.
  template <typename T>
  T run(SimNode& node, Task<T> task, Duration within = 60min) {
    std::optional<Finished<T>> finished = try_run(node, std::move(task), within);
    WEIR_ASSERT(finished.has_value(), node.is_up(), core_.seed);
    if constexpr (!std::is_void_v<T>) return std::move(*finished);
  }
  // The same; nothing when the node crashed, `within` is over or nothing is left to happen. The task of an unfinished run
  // stays with the node.
  template <typename T>
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> try_run(SimNode& node, Task<T> task,
                                                                                  Duration within = 60min) {
    auto slot = std::make_shared<std::optional<Finished<T>>>();
    const uint64_t incarnation = node.incarnation();
    node.spawn(&run_into<T>, std::move(task), slot);
    run_until_true([&] { return slot->has_value() || !node.is_up() || node.incarnation() != incarnation; }, within);
    return std::move(*slot);
  }

  // Calls `act` after `delay`; it may crash and restart nodes.
  template <typename Act>
  void at(Duration delay, Act act) {
    auto action = std::make_unique<Action<Act>>(std::move(act));
    core_.plan_in(*action, delay);
    actions_.push_back(std::move(action));
  }

  // --- accidents ---------------------------------------------------------------------------------------------------------
  // The node's tasks are destroyed, its connections break, its disk loses what `mode` says.
  void crash(SimNode& node, LoseUnsynced mode = LoseUnsynced::kBySeed);
  void restart(SimNode& node);
  void power_cycle(SimNode& node, LoseUnsynced mode = LoseUnsynced::kBySeed) {
    crash(node, mode);
    restart(node);
  }
  // The node does nothing for that long, then goes on as if it had not noticed.
  void pause(SimNode& node, Duration how_long);
  void jump_wall_clock(SimNode& node, Duration by);
  SimSwitch& network() { return network_; }

  // --- what happened -----------------------------------------------------------------------------------------------------
  uint64_t seed() const { return core_.seed; }
  Prng stream(std::string_view who, std::string_view purpose) const { return core_.stream(who, purpose); }
  uint64_t fingerprint() const { return core_.fingerprint.value(); }
  uint64_t events() const { return core_.events; }
  void trace_to(SimTraceSink* sink) { core_.sink = sink; }
  void note(int64_t a, int64_t b = 0) { core_.note(SimEvent::kNote, -1, a, b); }
  // "Sometimes" points reached, with counts; scenarios mark their own.
  void reached(std::string_view point) { core_.reached(point); }
  const std::map<std::string, uint64_t, std::less<>>& points() const { return core_.points; }
  SimCore& core() { return core_; }

 private:
  template <typename T>
  using Finished = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  template <typename Act>
  struct Action final : Occurrence {
    explicit Action(Act act) : act(std::move(act)) {}
    void happen() override { act(); }
    Act act;
  };
  template <typename T>
  static Task<void> run_into(Task<T> task, std::shared_ptr<std::optional<Finished<T>>> slot) {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
      slot->emplace();
    } else {
      T value = co_await std::move(task);
      slot->emplace(std::move(value));
    }
  }
  void sweep_actions();

  SimCore core_;
  SimSwitch network_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<std::unique_ptr<Occurrence>> actions_;
  size_t sweep_at_ = 64;
};

}  // namespace weir::runtime
