// One look at the partitions that a fetch has to look at: reads what each has, within what the answer may hold, and knows what is
// worth an answer. A fetch that waits looks again each time something moved.
//
// Owner    the Fetch handler, for one request. Borrows its context and its session, which outlive it.
// Shard    the broker shard.
// Holds    - what was taken from the session is given back when the pass ends, however it ends, but for what is settled: nothing to
//            read at its offset, and everything told
//          - the first batch of the first partition that has any is read whole; nothing else is read beyond the limits
#pragma once

#include <vector>

#include "weir/protocol/fetch.h"
#include "weir/server/context.h"
#include "weir/server/fetch_session.h"

namespace weir::server {

using FetchPartitionData = protocol::FetchResponse::PartitionData;

// The answer for a partition of which nothing was read.
FetchPartitionData refused_fetch(PartitionIndex index, ErrorCode error);

struct FetchedPartition {
  CachedPartitionRef cached;
  replication::PartitionRef partition;   // none: it is not here
  FetchPartitionData answer;
  bool was_read = false;                 // else the pass ended before its turn
  bool must_answer = false;              // there is something in it that the fetcher was not told yet
};

class FetchPass {
 public:
  FetchPass(HandlerContext& context, const FetchContext& fetch, replication::Isolation isolation)
      : context_(context), fetch_(fetch), isolation_(isolation) {}
  FetchPass(const FetchPass&) = delete;
  FetchPass& operator=(const FetchPass&) = delete;
  ~FetchPass() { give_back(); }

  // Reads `bytes_max` at most of what is due; of a full request, of everything it names. Once before each give_back().
  Task<void> look(size_t bytes_max);
  // Lets go of all that was read: it is looked at again the next time.
  void give_back();
  // What must be named in the answer, in order; the rest is let go.
  std::vector<FetchedPartition> finish();

  size_t bytes() const { return bytes_; }
  // Partitions that are not here: these alone do not end a wait.
  size_t unknown() const { return unknown_; }
  // Any other error, or a divergence: the client must hear of it at once.
  bool must_answer_now() const { return must_answer_now_; }

 private:
  Task<void> look_at(FetchedPartition& one, size_t room);
  Task<Result<FetchPartitionData>> read(replication::Partition& partition, const FetchWish& wish, size_t room);
  Result<replication::PartitionRef> resolve(const FetchKey& key) const;
  bool is_settled(const FetchedPartition& one) const;
  void return_unsettled() const;

  HandlerContext& context_;
  const FetchContext& fetch_;
  replication::Isolation isolation_;
  std::vector<FetchedPartition> partitions_;
  size_t bytes_ = 0;
  size_t unknown_ = 0;
  bool must_answer_now_ = false;
};

}  // namespace weir::server
