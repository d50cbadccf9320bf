// Group commit: the dirty logs of one directory are synced side by side, those first that somebody waits for.
//
// Owner    LogDirectory.
// Shard    the logs' shard.
// Holds    - at most kSyncsInParallel syncs are under way, and one begins as soon as another ends: nobody waits for a slower neighbour
//          - syncs begin at the end of a turn, so that all that was written in that turn is in them
//          - one sync in kBackgroundEvery is of a log that nobody waits for, if there is one: they are late, but not for ever
//
// What was written to a log while it is synced goes with its next sync: one sync serves many waiters.
#pragma once

#include <optional>

#include "weir/base/intrusive_list.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/task_group.h"

namespace weir::storage {

inline constexpr int kSyncsInParallel = 8;
inline constexpr uint64_t kBackgroundEvery = 8;

// kAwaited: an acknowledgement waits for it. kBackground: only the next recovery gets shorter.
enum class FlushUrgency : uint8_t { kAwaited, kBackground };

// What is synced: a log. Leaves the queue when destroyed, which may not be inside sync_dirty().
class Flushable : public ListHook {
 public:
  // Syncs all that is dirty now. Deals with its own errors.
  virtual runtime::Task<void> sync_dirty() = 0;

 protected:
  ~Flushable() = default;

 private:
  friend class FlushScheduler;
  FlushUrgency urgency_ = FlushUrgency::kBackground;   // while it is queued
};

class FlushScheduler final : private runtime::TurnHook {
 public:
  explicit FlushScheduler(runtime::Executor& executor) : executor_(executor) { group_.emplace(executor); }
  FlushScheduler(const FlushScheduler&) = delete;
  FlushScheduler& operator=(const FlushScheduler&) = delete;

  // Queues `log`; one that is queued already only becomes more urgent. Not for a log whose sync is under way: it asks when that is over.
  void request(Flushable& log, FlushUrgency urgency);
  // Destroys what is under way, wherever it is suspended; nothing is synced any more. For teardown without a clean stop.
  void abort();

  uint64_t syncs_begun() const { return syncs_begun_; }
  bool is_running() const { return workers_ > 0; }

 private:
  void on_turn_end() override;
  Flushable* take();
  static runtime::Task<void> sync_until_empty(FlushScheduler* scheduler);

  runtime::Executor& executor_;
  IntrusiveList<Flushable> awaited_;
  IntrusiveList<Flushable> background_;
  int workers_ = 0;
  bool aborted_ = false;
  uint64_t syncs_begun_ = 0;
  std::optional<runtime::TaskGroup> group_;
};

}  // namespace weir::storage
