#include "weir/storage/flush.h"

#include "weir/base/assert.h"

namespace weir::storage {

void FlushScheduler::request(Flushable& log, FlushUrgency urgency) {
  if (aborted_) return;
  if (log.is_linked()) {
    if (urgency == log.urgency_ || urgency == FlushUrgency::kBackground) return;
    log.unlink();
  }
  log.urgency_ = urgency;
  (urgency == FlushUrgency::kAwaited ? awaited_ : background_).push_back(log);
  if (workers_ < kSyncsInParallel) executor_.at_turn_end(*this);
}

void FlushScheduler::on_turn_end() {
  if (aborted_) return;
  int wanted = 0;   // as many workers as there are logs in line
  for (IntrusiveList<Flushable>* queue : {&awaited_, &background_}) {
    for (Flushable* log = queue->empty() ? nullptr : &queue->front(); log != nullptr && wanted < kSyncsInParallel; log = queue->next(*log)) ++wanted;
  }
  for (; wanted > 0 && workers_ < kSyncsInParallel; --wanted) {
    ++workers_;
    group_->spawn(&FlushScheduler::sync_until_empty, this);
  }
}

Flushable* FlushScheduler::take() {
  if (awaited_.empty() && background_.empty()) return nullptr;
  const bool is_its_turn = (syncs_begun_ + 1) % kBackgroundEvery == 0;
  const bool from_background = awaited_.empty() || (is_its_turn && !background_.empty());
  ++syncs_begun_;
  return from_background ? &background_.pop_front() : &awaited_.pop_front();
}

runtime::Task<void> FlushScheduler::sync_until_empty(FlushScheduler* scheduler) {
  while (Flushable* log = scheduler->take()) co_await log->sync_dirty();
  WEIR_ASSERT(scheduler->workers_ > 0);
  --scheduler->workers_;
}

void FlushScheduler::abort() {
  aborted_ = true;
  group_.reset();
  group_.emplace(executor_);
  workers_ = 0;
  while (!awaited_.empty()) awaited_.pop_front();
  while (!background_.empty()) background_.pop_front();
  runtime::TurnHook::unlink();
}

}  // namespace weir::storage
