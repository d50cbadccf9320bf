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

void CachedPartition::follow(replication::Partition& partition) {
  if (is_linked() && followed_ == &partition) return;
  unlink();   // a topic of the same name may have taken the place of the one before
  partition.watch(*this);
  followed_ = &partition;
}

bool CachedPartition::must_answer(bool is_incremental, const FetchOutcome& outcome) {
  bool must = !is_incremental || outcome.has_records || outcome.has_diverging_epoch || outcome.has_preferred_replica;
  if (!was_told(outcome.high_watermark, outcome.log_start)) must = true;
  told_high_watermark_ = outcome.high_watermark;
  told_log_start_ = outcome.log_start;
  if (outcome.error != ErrorCode::kNone) {
    told_high_watermark_ = kToldError;
    must = true;
  }
  return must;
}

void CachedPartition::on_progress() {
  if (session_ == nullptr) return;
  session_->give_back(*this);
  session_->wake();
}

FetchSession::~FetchSession() {
  // A request may hold a partition for longer.
  for (auto& [key, partition] : partitions_) partition->session_ = nullptr;
}

std::vector<CachedPartitionRef> FetchSession::take_due() {
  std::vector<CachedPartitionRef> taken = std::exchange(due_, {});
  std::erase_if(taken, [](const CachedPartitionRef& partition) { return partition->session_ == nullptr; });
  for (const CachedPartitionRef& partition : taken) partition->is_due_ = false;
  return taken;
}

void FetchSession::give_back(CachedPartition& partition) {
  if (partition.is_due_ || partition.session_ == nullptr) return;
  WEIR_ASSERT(partition.session_ == this);
  partition.is_due_ = true;
  due_.push_back(partition.shared_from_this());
}

void FetchSession::set_isolation(replication::Isolation isolation) {
  if (isolation == isolation_) return;
  isolation_ = isolation;
  for (auto& [key, partition] : partitions_) give_back(*partition);
}

CachedPartitionRef FetchSession::put(FetchWish wish) {
  CachedPartitionRef& partition = partitions_[wish.key];
  if (partition == nullptr) {
    partition = std::make_shared<CachedPartition>(*this, std::move(wish));
  } else {
    partition->wish = std::move(wish);
  }
  give_back(*partition);
  return partition;
}

void FetchSession::forget(const FetchKey& key) {
  const auto it = partitions_.find(key);
  if (it == partitions_.end()) return;
  it->second->session_ = nullptr;
  it->second->unlink();
  partitions_.erase(it);
}

void FetchSession::wake() {
  waiters_.for_each([](FetchWaiter& waiter) { waiter.progress.set(); });
}

Result<FetchContext> FetchSessionCache::begin(int32_t session_id, int32_t session_epoch, bool uses_topic_ids,
                                              std::vector<FetchWish> wanted, const std::vector<FetchKey>& forgotten, MonoTime now) {
  const auto close = [this](auto it) {
    least_recent_first_.erase(it->second->recency_);
    by_id_.erase(it);
  };
  const auto known = by_id_.find(session_id);
  FetchContext context;
  // A full fetch is told by its epoch, whatever the session id says.
  if (session_epoch == kInitialEpoch || session_epoch == kFinalEpoch) {
    if (known != by_id_.end()) close(known);
    context.session = std::make_shared<FetchSession>();
    context.all.reserve(wanted.size());
    for (FetchWish& wish : wanted) {
      const size_t before = context.session->size();
      CachedPartitionRef partition = context.session->put(std::move(wish));   // named twice: the later wish, in the place of the first
      if (context.session->size() > before) context.all.push_back(std::move(partition));
    }
    if (session_epoch == kInitialEpoch && !context.all.empty()) open(context, uses_topic_ids, now);
    return context;
  }
  if (known == by_id_.end()) return fail(ErrorCode::kFetchSessionIdNotFound);
  const std::shared_ptr<FetchSession> session = known->second;
  if (session_epoch != session->next_epoch_) return fail(ErrorCode::kInvalidFetchSessionEpoch);
  if (uses_topic_ids != session->uses_topic_ids_) return fail(ErrorCode::kFetchSessionTopicIdError);

  const size_t before = session->size();
  for (FetchWish& wish : wanted) session->put(std::move(wish));
  if (session->size() > before && partitions() > kPartitionsMax) {
    close(known);
    return fail(ErrorCode::kFetchSessionIdNotFound);
  }
  for (const FetchKey& key : forgotten) session->forget(key);
  context.session = session;
  if (session->size() == 0) {
    close(known);
    return context;
  }
  session->next_epoch_ = next_epoch(session->next_epoch_);
  session->last_used_ = now;
  least_recent_first_.splice(least_recent_first_.end(), least_recent_first_, session->recency_);
  context.session_id = session_id;
  context.is_incremental = true;
  return context;
}

void FetchSessionCache::open(FetchContext& context, bool uses_topic_ids, MonoTime now) {
  if (by_id_.size() >= slots_max_ && !make_room(now)) return;
  if (partitions() + context.session->size() > kPartitionsMax) return;
  FetchSession& session = *context.session;
  do {
    session.id_ = static_cast<int32_t>(split_mix(next_id_seed_) & INT32_MAX);
  } while (session.id_ == 0 || by_id_.contains(session.id_));
  session.uses_topic_ids_ = uses_topic_ids;
  session.last_used_ = now;
  session.recency_ = least_recent_first_.insert(least_recent_first_.end(), session.id_);
  context.session_id = session.id_;
  by_id_.emplace(session.id_, context.session);
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

size_t FetchSessionCache::partitions() const {
  size_t count = 0;
  for (const auto& [id, session] : by_id_) count += session->size();
  return count;
}

}  // namespace weir::server
