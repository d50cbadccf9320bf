#include "weir/raft/core.h"

#include <algorithm>

#include "weir/base/assert.h"

namespace weir::raft {

Core::Actions Core::start(const ElectionState& election, LeaderEpoch log_epoch, Offset log_end) {
  WEIR_ASSERT(role_ == Role::kUnattached);
  WEIR_ASSERT(log_end >= Offset(0), log_end);
  election_ = election;
  log_end_ = log_end;
  epoch_start_ = log_end;
  // An epoch that was voted for, or that stands in the log, is never used again.
  election_.epoch = std::max({election.epoch, log_epoch, LeaderEpoch(0)}).next();
  election_.leader = kNoBroker;
  election_.voted = self_;
  election_.voted_directory = directory_;
  role_ = Role::kCandidate;
  // Our own vote is a majority of one: the vote and its outcome are one write.
  win();
  return {.persist = election_};
}

void Core::win() {
  election_.leader = self_;
  election_.voted = kNoBroker;
  election_.voted_directory = kZeroUuid;
}

Core::Actions Core::persisted() {
  WEIR_ASSERT(role_ == Role::kCandidate);
  role_ = Role::kLeader;
  return {.open_epoch = true};
}

void Core::appended(Offset end) {
  WEIR_ASSERT(role_ == Role::kLeader);
  WEIR_ASSERT(end > log_end_, end, log_end_);
  log_end_ = end;
}

Core::Actions Core::durable(Offset end) {
  WEIR_ASSERT(end <= log_end_, end, log_end_);
  if (role_ != Role::kLeader || end <= epoch_start_ || end <= high_watermark_) return {};
  high_watermark_ = end;
  return {.high_watermark_moved = true};
}

}  // namespace weir::raft
