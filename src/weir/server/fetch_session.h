// Fetch sessions (KIP-227): a client sends its partitions once, then only changes; the answer names only what changed.
//
// A session looks only at the partitions that are due: new or changed by a request, with something to read or to tell, or with an
// error. One of which everything was told watches its log and is due again when that moves. So a fetch over ten thousand
// partitions of which one moved costs as much as a fetch of one.
//
// Owner    node, one cache. No I/O; time comes in as an argument.
// Shard    the broker shard.
// Holds    - a session's epoch grows by one with each answered request, wraps from INT32_MAX to 1
//          - a session uses topic ids or names for its whole life (Fetch 13+ or below)
//          - sessions() <= slots; a session idle for kEvictAfter may be replaced by a new one
//          - a partition that is neither due nor taken watches its log
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/intrusive_list.h"
#include "weir/base/time.h"
#include "weir/base/uuid.h"
#include "weir/replication/partition.h"
#include "weir/runtime/event.h"

namespace weir::server {

// A partition as the request names it: by topic id (13+) or by name.
struct FetchKey {
  Uuid topic_id;
  std::string topic;
  PartitionIndex partition;
  friend bool operator==(const FetchKey&, const FetchKey&) = default;
};

struct FetchKeyHash {
  size_t operator()(const FetchKey& key) const {
    return std::hash<Uuid>()(key.topic_id) ^ std::hash<std::string>()(key.topic) ^ (static_cast<size_t>(key.partition.value()) * 0x9E3779B97F4A7C15ull);
  }
};

// One partition as a request asks for it.
struct FetchWish {
  FetchKey key;
  Offset fetch_offset;
  Offset log_start_offset = kNoOffset;  // a follower's own
  LeaderEpoch current_leader_epoch = kNoLeaderEpoch;
  LeaderEpoch last_fetched_epoch = kNoLeaderEpoch;
  int32_t bytes_max = 0;
};

// What is about to be answered for one partition.
struct FetchOutcome {
  ErrorCode error = ErrorCode::kNone;
  Offset high_watermark = kNoOffset;
  Offset log_start = kNoOffset;
  bool has_records = false;
  bool has_diverging_epoch = false;
  bool has_preferred_replica = false;
};

class FetchSession;

// A partition as a session remembers it: how it is asked for, and what the fetcher was told of it last. Watches the partition of
// the broker once that was found.
class CachedPartition final : public replication::PartitionWatch, public std::enable_shared_from_this<CachedPartition> {
 public:
  CachedPartition(FetchSession& session, FetchWish wish) : wish(std::move(wish)), session_(&session) {}

  // Watches `partition`, and no other any more.
  void follow(replication::Partition& partition);
  // Whether an answer with `outcome` must name this partition; notes what is told. Full answers name every partition.
  bool must_answer(bool is_incremental, const FetchOutcome& outcome);
  bool was_told(Offset high_watermark, Offset log_start) const {
    return told_high_watermark_ == high_watermark && told_log_start_ == log_start;
  }

  FetchWish wish;
  bool was_known = false;   // its topic existed when it was last looked at

 private:
  friend class FetchSession;
  void on_progress() override;

  FetchSession* session_;                               // null: forgotten
  const replication::Partition* followed_ = nullptr;    // compared only
  Offset told_high_watermark_ = kNoOffset;              // kNoOffset before the first answer
  Offset told_log_start_ = kNoOffset;
  bool is_due_ = false;
};
using CachedPartitionRef = std::shared_ptr<CachedPartition>;

// A request that waits for its session to move. Leaves when destroyed.
struct FetchWaiter final : ListHook {
  runtime::Event progress;
};

class FetchSession {
 public:
  FetchSession() = default;
  FetchSession(const FetchSession&) = delete;
  FetchSession& operator=(const FetchSession&) = delete;
  ~FetchSession();

  // The partitions that are due, first the one that waits longest; they are the caller's to look at, and to give back.
  std::vector<CachedPartitionRef> take_due();
  // Due again: it still has something to read or to tell, or nobody looked.
  void give_back(CachedPartition& partition);
  // What was settled for one isolation is not for another.
  void set_isolation(replication::Isolation isolation);

  void await(FetchWaiter& waiter) { waiters_.push_back(waiter); }
  size_t size() const { return partitions_.size(); }

 private:
  friend class FetchSessionCache;
  friend class CachedPartition;

  CachedPartitionRef put(FetchWish wish);
  void forget(const FetchKey& key);
  void wake();

  int32_t id_ = 0;
  int32_t next_epoch_ = 1;
  bool uses_topic_ids_ = false;
  replication::Isolation isolation_ = replication::Isolation::kReadUncommitted;
  MonoTime last_used_;
  std::list<int32_t>::iterator recency_;
  std::unordered_map<FetchKey, CachedPartitionRef, FetchKeyHash> partitions_;
  std::vector<CachedPartitionRef> due_;
  IntrusiveList<FetchWaiter> waiters_;
};

// The request's view of sessions: its kind, and the id to answer with.
struct FetchContext {
  int32_t session_id = 0;
  bool is_incremental = false;
  std::shared_ptr<FetchSession> session;   // one of its own for a request without a session
  std::vector<CachedPartitionRef> all;     // of a full request: what it names, in its order
};

class FetchSessionCache {
 public:
  static constexpr Duration kEvictAfter = std::chrono::minutes(2);

  // `slots` is max.incremental.fetch.session.cache.slots; `seed` starts the ids.
  FetchSessionCache(size_t slots, uint64_t seed) : slots_max_(slots), next_id_seed_(seed) {}

  // Finds, opens, changes or closes the session that a request speaks of and says what to fetch.
  // `wanted` are the partitions in the request, `forgotten` those to drop.
  // Errors: kFetchSessionIdNotFound, kInvalidFetchSessionEpoch, kFetchSessionTopicIdError.
  Result<FetchContext> begin(int32_t session_id, int32_t session_epoch, bool uses_topic_ids, std::vector<FetchWish> wanted,
                             const std::vector<FetchKey>& forgotten, MonoTime now);

  size_t sessions() const { return by_id_.size(); }
  size_t partitions() const;
  uint64_t evictions() const { return evictions_; }

 private:
  void open(FetchContext& context, bool uses_topic_ids, MonoTime now);
  bool make_room(MonoTime now);

  size_t slots_max_;
  uint64_t next_id_seed_;
  uint64_t evictions_ = 0;
  std::unordered_map<int32_t, std::shared_ptr<FetchSession>> by_id_;
  std::list<int32_t> least_recent_first_;
};

}  // namespace weir::server
