// Group commit: the logs of one directory are synced in rounds.
//
// Owner    LogDirectory.
// Shard    the logs' shard.
// Holds    - one round at a time; whoever asks during a round is in the next one
//          - a round begins at the end of a turn, so that all logs written in that turn are in it
//          - at most kSyncsInParallel syncs are under way
//
// A round ends for each log as soon as its own files are synced: nobody waits for a slower neighbour.
#pragma once

#include <optional>

#include "weir/base/intrusive_list.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/task_group.h"

namespace weir::storage {

inline constexpr int kSyncsInParallel = 8;

// What a round syncs: a log. Leaves the queue when destroyed.
class Flushable : public ListHook {
 public:
  // Syncs all that is dirty now. Deals with its own errors.
  virtual runtime::Task<void> sync_dirty() = 0;

 protected:
  ~Flushable() = default;
};

class FlushScheduler final : private runtime::TurnHook {
 public:
  explicit FlushScheduler(runtime::Executor& executor) : executor_(executor) { group_.emplace(executor); }
  FlushScheduler(const FlushScheduler&) = delete;
  FlushScheduler& operator=(const FlushScheduler&) = delete;

  // Queues `log` for the next round; nothing happens when it is queued already.
  void request(Flushable& log);
  // Destroys what is under way, wherever it is suspended; nothing is synced any more. For teardown without a clean stop.
  void abort();

  uint64_t rounds() const { return rounds_; }
  bool is_running() const { return running_; }

 private:
  void on_turn_end() override;
  static runtime::Task<void> run_rounds(FlushScheduler* scheduler);
  static runtime::Task<void> sync_some(FlushScheduler* scheduler);

  runtime::Executor& executor_;
  IntrusiveList<Flushable> next_round_;
  IntrusiveList<Flushable> this_round_;   // not begun yet
  bool running_ = false;
  bool aborted_ = false;
  uint64_t rounds_ = 0;
  std::optional<runtime::TaskGroup> group_;
};

}  // namespace weir::storage
