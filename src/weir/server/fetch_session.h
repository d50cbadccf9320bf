// Fetch sessions (KIP-227): a client sends its partitions once, then only changes; the answer names only what changed.
//
// Pure: no I/O, time comes in as an argument. One cache per broker shard.
// Holds    - a session's epoch grows by one with each answered request, wraps from INT32_MAX to 1
//          - a session uses topic ids or names for its whole life (Fetch 13+ or below)
//          - sessions() <= slots; a session idle for kEvictAfter may be replaced by a new one
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/time.h"
#include "weir/base/uuid.h"

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

// One partition wanted by a fetcher, and what it was told last.
struct FetchSlot {
  FetchKey key;
  // From the request.
  Offset fetch_offset;
  Offset log_start_offset = kNoOffset;  // a follower's own
  LeaderEpoch current_leader_epoch = kNoLeaderEpoch;
  LeaderEpoch last_fetched_epoch = kNoLeaderEpoch;
  int32_t bytes_max = 0;
  // From the last answer; kNoOffset before the first.
  Offset told_high_watermark = kNoOffset;
  Offset told_log_start = kNoOffset;
  bool was_known = false;   // its topic existed when it was last served
};
using FetchSlotRef = std::shared_ptr<FetchSlot>;

// What is about to be answered for one slot.
struct FetchOutcome {
  ErrorCode error = ErrorCode::kNone;
  Offset high_watermark = kNoOffset;
  Offset log_start = kNoOffset;
  bool has_records = false;
  bool has_diverging_epoch = false;
  bool has_preferred_replica = false;
};

// The request's view of sessions: its kind, the slots to serve in order, and the id to answer with.
class FetchSession;
struct FetchContext {
  int32_t session_id = 0;
  bool is_incremental = false;
  std::vector<FetchSlotRef> slots;
  std::shared_ptr<FetchSession> session;  // null: sessionless
};

class FetchSessionCache {
 public:
  static constexpr Duration kEvictAfter = std::chrono::minutes(2);

  // `slots` is max.incremental.fetch.session.cache.slots; `seed` starts the ids.
  FetchSessionCache(size_t slots, uint64_t seed) : slots_max_(slots), next_id_seed_(seed) {}

  // Finds, opens, changes or closes the session that a request speaks of and says what to fetch.
  // `wanted` are the partitions in the request, `forgotten` those to drop.
  // Errors: kFetchSessionIdNotFound, kInvalidFetchSessionEpoch, kFetchSessionTopicIdError.
  Result<FetchContext> begin(int32_t session_id, int32_t session_epoch, bool uses_topic_ids, std::vector<FetchSlot> wanted,
                             const std::vector<FetchKey>& forgotten, MonoTime now);

  // Whether this slot must appear in the answer; notes what is told. Full answers contain every slot.
  static bool must_answer(const FetchContext& context, FetchSlot& slot, const FetchOutcome& outcome);

  // The slots with records were served: they go to the end of the session's order, so that every partition gets its turn.
  static void rotate(const FetchContext& context, const std::vector<FetchSlotRef>& served);

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

class FetchSession {
 private:
  friend class FetchSessionCache;
  using Order = std::list<FetchSlotRef>;

  void put(FetchSlot slot);
  void forget(const FetchKey& key);

  int32_t id_ = 0;
  int32_t next_epoch_ = 1;
  bool uses_topic_ids_ = false;
  MonoTime last_used_;
  std::list<int32_t>::iterator recency_;
  Order order_;
  std::unordered_map<FetchKey, Order::iterator, FetchKeyHash> by_key_;
};

}  // namespace weir::server
