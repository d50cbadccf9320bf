#include "weir/storage/flush.h"

#include <algorithm>

namespace weir::storage {

void FlushScheduler::request(Flushable& log) {
  if (aborted_ || log.is_linked()) {
    // A log still waiting in this round is synced later than this call: that covers it.
    return;
  }
  next_round_.push_back(log);
  if (!running_) executor_.at_turn_end(*this);
}

void FlushScheduler::on_turn_end() {
  if (running_ || aborted_ || next_round_.empty()) return;
  running_ = true;
  group_->spawn(&FlushScheduler::run_rounds, this);
}

runtime::Task<void> FlushScheduler::run_rounds(FlushScheduler* scheduler) {
  while (!scheduler->next_round_.empty()) {
    ++scheduler->rounds_;
    int logs = 0;
    while (!scheduler->next_round_.empty()) {
      scheduler->this_round_.push_back(scheduler->next_round_.pop_front());
      ++logs;
    }
    if (logs == 1) {
      co_await sync_some(scheduler);
      continue;
    }
    runtime::TaskGroup workers(scheduler->executor_);
    for (int i = 0; i < std::min(logs, kSyncsInParallel); ++i) workers.spawn(&FlushScheduler::sync_some, scheduler);
    const Result<void> joined = co_await workers.join();
    WEIR_ASSERT(joined.has_value());
  }
  scheduler->running_ = false;
}

runtime::Task<void> FlushScheduler::sync_some(FlushScheduler* scheduler) {
  while (!scheduler->this_round_.empty()) {
    Flushable& log = scheduler->this_round_.pop_front();
    co_await log.sync_dirty();
  }
}

void FlushScheduler::abort() {
  aborted_ = true;
  group_.reset();
  group_.emplace(executor_);
  while (!next_round_.empty()) next_round_.pop_front();
  while (!this_round_.empty()) this_round_.pop_front();
  runtime::TurnHook::unlink();
}

}  // namespace weir::storage
