#include "weir/server/fetch_session.h"

#include "weir/base/assert.h"
#include "weir/base/prng.h"

namespace weir::server {
namespace {

constexpr int32_t kFinalEpoch = -1;    // close the session, or fetch without one
constexpr int32_t kInitialEpoch = 0;   // open a session
constexpr Offset kToldError{-2};       // differs from every real watermark, so that the recovery is told as well

// Partitions of all sessions together: what they keep must not grow with the number of clients that ask for a session. Beyond it
// new sessions are not opened, which clients understand, and a session that would grow past it ends.
constexpr size_t kPartitionsMax = 1'000'000;

int32_t next_epoch(int32_t epoch) { return epoch == INT32_MAX ? 1 : epoch + 1; }

}  // namespace

void FetchSession::put(FetchSlot slot) {
  const auto it = by_key_.find(slot.key);
  if (it == by_key_.end()) {
    const FetchKey key = slot.key;
    by_key_.emplace(key, order_.insert(order_.end(), std::make_shared<FetchSlot>(std::move(slot))));
    return;
  }
  FetchSlot& known = **it->second;
  slot.told_high_watermark = known.told_high_watermark;
  slot.told_log_start = known.told_log_start;
  slot.was_known = known.was_known;
  known = std::move(slot);
}

void FetchSession::forget(const FetchKey& key) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return;
  order_.erase(it->second);
  by_key_.erase(it);
}

Result<FetchContext> FetchSessionCache::begin(int32_t session_id, int32_t session_epoch, bool uses_topic_ids,
                                              std::vector<FetchSlot> wanted, const std::vector<FetchKey>& forgotten, MonoTime now) {
  const auto close = [this](auto it) {
    least_recent_first_.erase(it->second->recency_);
    by_id_.erase(it);
  };
  const auto known = by_id_.find(session_id);
  FetchContext context;
  // A full fetch is told by its epoch, whatever the session id says.
  if (session_epoch == kInitialEpoch || session_epoch == kFinalEpoch) {
    if (known != by_id_.end()) close(known);
    context.slots.reserve(wanted.size());
    for (FetchSlot& slot : wanted) context.slots.push_back(std::make_shared<FetchSlot>(std::move(slot)));
    if (session_epoch == kInitialEpoch && !context.slots.empty()) open(context, uses_topic_ids, now);
    return context;
  }
  if (known == by_id_.end()) return fail(ErrorCode::kFetchSessionIdNotFound);
  const std::shared_ptr<FetchSession> session = known->second;
  if (session_epoch != session->next_epoch_) return fail(ErrorCode::kInvalidFetchSessionEpoch);
  if (uses_topic_ids != session->uses_topic_ids_) return fail(ErrorCode::kFetchSessionTopicIdError);

  const size_t before = session->order_.size();
  for (FetchSlot& slot : wanted) session->put(std::move(slot));
  if (session->order_.size() > before && partitions() > kPartitionsMax) {
    close(known);
    return fail(ErrorCode::kFetchSessionIdNotFound);
  }
  for (const FetchKey& key : forgotten) session->forget(key);
  context.slots.assign(session->order_.begin(), session->order_.end());
  if (context.slots.empty()) {
    close(known);
    return context;
  }
  session->next_epoch_ = next_epoch(session->next_epoch_);
  session->last_used_ = now;
  least_recent_first_.splice(least_recent_first_.end(), least_recent_first_, session->recency_);
  context.session_id = session_id;
  context.is_incremental = true;
  context.session = session;
  return context;
}

void FetchSessionCache::open(FetchContext& context, bool uses_topic_ids, MonoTime now) {
  if (by_id_.size() >= slots_max_ && !make_room(now)) return;
  if (partitions() + context.slots.size() > kPartitionsMax) return;
  auto session = std::make_shared<FetchSession>();
  do {
    session->id_ = static_cast<int32_t>(split_mix(next_id_seed_) & INT32_MAX);
  } while (session->id_ == 0 || by_id_.contains(session->id_));
  session->uses_topic_ids_ = uses_topic_ids;
  session->last_used_ = now;
  session->recency_ = least_recent_first_.insert(least_recent_first_.end(), session->id_);
  for (const FetchSlotRef& slot : context.slots) {
    const auto place = session->order_.insert(session->order_.end(), slot);
    if (!session->by_key_.emplace(slot->key, place).second) session->order_.erase(place);
  }
  context.session_id = session->id_;
  context.session = session;
  by_id_.emplace(session->id_, std::move(session));
  WEIR_ASSERT(by_id_.size() <= slots_max_ && by_id_.size() == least_recent_first_.size(), by_id_.size(), slots_max_);
}

bool FetchSessionCache::make_room(MonoTime now) {
  if (least_recent_first_.empty()) return false;
  const auto oldest = by_id_.find(least_recent_first_.front());
  WEIR_ASSERT(oldest != by_id_.end());
  if (now - oldest->second->last_used_ < kEvictAfter) return false;
  least_recent_first_.pop_front();
  by_id_.erase(oldest);
  ++evictions_;
  return true;
}

bool FetchSessionCache::must_answer(const FetchContext& context, FetchSlot& slot, const FetchOutcome& outcome) {
  bool must = !context.is_incremental || outcome.has_records || outcome.has_diverging_epoch || outcome.has_preferred_replica;
  if (slot.told_high_watermark != outcome.high_watermark) must = true;
  if (slot.told_log_start != outcome.log_start) must = true;
  slot.told_high_watermark = outcome.high_watermark;
  slot.told_log_start = outcome.log_start;
  if (outcome.error != ErrorCode::kNone) {
    slot.told_high_watermark = kToldError;
    must = true;
  }
  return must;
}

void FetchSessionCache::rotate(const FetchContext& context, const std::vector<FetchSlotRef>& served) {
  if (context.session == nullptr) return;
  FetchSession& session = *context.session;
  for (const FetchSlotRef& slot : served) {
    const auto it = session.by_key_.find(slot->key);
    if (it != session.by_key_.end()) session.order_.splice(session.order_.end(), session.order_, it->second);
  }
}

size_t FetchSessionCache::partitions() const {
  size_t count = 0;
  for (const auto& [id, session] : by_id_) count += session->order_.size();
  return count;
}

}  // namespace weir::server
