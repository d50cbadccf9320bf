#include "checkers/group_history.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"

namespace weir::sim {

void GroupHistory::violate(const char* checker, std::string message) {
  if (!violation_) violation_ = Violation{checker, std::move(message)};
}

GroupHistory::Commit& GroupHistory::at(size_t index, CommitNumber number) {
  const auto found = partitions_[index].commits.find(number);
  WEIR_ASSERT(found != partitions_[index].commits.end(), index, number);
  return found->second;
}

int64_t GroupHistory::offset_of(const Partition& partition, CommitNumber number) {
  return number == kNoCommit ? -1 : partition.commits.at(number).offset;
}

int64_t GroupHistory::floor(size_t index) const { return offset_of(partitions_[index], partitions_[index].mark.commit); }

void GroupHistory::assigned(int32_t generation, const std::string& who, std::span<const size_t> partitions) {
  ++assignments_;
  given_out_ = std::max(given_out_, generation);
  for (const size_t index : partitions) {
    const auto [owner, is_first] = partitions_[index].owners.try_emplace(generation, who);
    if (owner->second == who) continue;
    violate("double-owner", fmt::format("partition {} was given to {} and to {} in generation {}", index, owner->second, who, generation));
  }
}

void GroupHistory::commit_tried(size_t index, CommitNumber number, int64_t offset, int32_t generation) {
  WEIR_ASSERT(number > kNoCommit && number <= last_commit_, number, last_commit_);
  partitions_[index].commits.emplace(number, Commit{.offset = offset, .generation = generation});
}

void GroupHistory::commit_answered(size_t index, CommitNumber number) {
  Commit& commit = at(index, number);
  commit.under_way = false;
  commit.last_when_answered = last_commit_;
}

// Whether `early` can have taken effect after `late`, which was sent after it and holds in `generation`.
bool GroupHistory::can_overtake(const Partition& partition, CommitNumber early, CommitNumber late, int32_t generation) {
  if (early == kNoCommit) return false;
  const Commit& commit = partition.commits.at(early);
  return commit.generation >= generation && (commit.under_way || late <= commit.last_when_answered);
}

void GroupHistory::committed(size_t index, CommitNumber number, Mark before) {
  ++commits_;
  Partition& partition = partitions_[index];
  Commit& commit = at(index, number);
  commit.acknowledged = true;
  if (commit.offset < offset_of(partition, before.commit)) {
    violate("commit-regress", fmt::format("partition {}: a commit of {} was accepted after {}", index, commit.offset,
                                          offset_of(partition, before.commit)));
  }
  if (number <= partition.mark.commit) return;
  if (commit.generation < partition.mark.generation) {
    // A later generation has looked already, and must have seen it.
    if (!can_overtake(partition, partition.mark.commit, number, commit.generation)) {
      violate("lost-commit", fmt::format("partition {}: {} was acknowledged in generation {}, and generation {} was given {}", index,
                                         commit.offset, commit.generation, partition.mark.generation, floor(index)));
    }
    return;
  }
  const bool is_stored = commit.generation <= given_out_;
  partition.mark = {number, is_stored ? commit.generation : partition.mark.generation};
}

void GroupHistory::fetched(size_t index, CommitNumber number, int64_t offset, Mark before, int32_t generation) {
  Partition& partition = partitions_[index];
  if (number != kNoCommit ? !partition.commits.contains(number) : offset >= 0) {
    return violate("invented-commit", fmt::format("partition {}: {} came back, which nobody committed", index, offset));
  }
  if (offset_of(partition, number) != offset) {
    return violate("invented-commit", fmt::format("partition {}: {} came back of commit {}, which was of {}", index, offset, number,
                                                  offset_of(partition, number)));
  }
  if (number < before.commit) {
    if (!can_overtake(partition, number, before.commit, before.generation)) {
      const Commit& missed = partition.commits.at(before.commit);
      violate(missed.acknowledged ? "lost-commit" : "commit-regress",
              fmt::format("partition {}: {} came back, and {} had been {}", index, offset, missed.offset,
                          missed.acknowledged ? "acknowledged" : "there before"));
    }
    ++late_commits_;
  }
  // The last word: what earlier generations sent is refused from now on.
  const bool is_last_word = generation > partition.mark.generation || partition.mark == before;
  if (is_last_word || number >= partition.mark.commit) partition.mark = {number, std::max(generation, partition.mark.generation)};
}

void GroupHistory::read_all(size_t index, std::span<const int64_t> there) {
  const Partition& partition = partitions_[index];
  for (const int64_t offset : there) {
    if (offset >= floor(index) || partition.read.contains(offset)) continue;
    return violate("unread-record", fmt::format("partition {}: the group is at {} and nobody read {}", index, floor(index), offset));
  }
}

}  // namespace weir::sim
