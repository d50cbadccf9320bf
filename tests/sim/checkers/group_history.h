// Checks a consumer group from outside: who was given what, what was read, what was committed and what came back.
//
//   double-owner     two members were given one partition in one generation
//   lost-commit      a position was acknowledged, and an older one or none came back later
//   commit-regress   a position came back, and later an older one, or an older one was accepted
//   invented-commit  a position came back that nobody tried to commit
//   unread-record    the group is past a record that none of its members read
//
// A commit whose answer never came may still be on its way, over a connection that was given up, and take effect after a later
// one of the same generation: requests carry no order between connections, in Kafka's protocol neither. A position may go back
// to such a commit, until a member of a later generation has seen the position.
//
// Feeding stops mattering at the first violation, which is kept. Knows nothing of the simulator: usable on real runs too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "checkers/violation.h"

namespace weir::sim {

class GroupHistory {
 public:
  explicit GroupHistory(size_t partitions) : partitions_(partitions) {}

  // A member heard what it owns. `who` is its instance id when it has one: it may restart within a generation.
  void assigned(int32_t generation, const std::string& who, std::span<const size_t> partitions);
  void read(size_t partition, int64_t offset) { partitions_[partition].read.insert(offset); }
  void commit_tried(size_t partition, int64_t offset, int32_t generation) {
    partitions_[partition].tried.insert(offset);
    partitions_[partition].under_way.insert({offset, generation});
  }
  // The answer came, whatever it was, and the request was not sent twice: nothing of it is under way.
  void commit_answered(size_t partition, int64_t offset, int32_t generation) {
    const auto found = partitions_[partition].under_way.find({offset, generation});
    if (found != partitions_[partition].under_way.end()) partitions_[partition].under_way.erase(found);
  }
  // The highest position that was acknowledged or came back, -1 for none: what a question asked now must bring at least.
  int64_t floor(size_t partition) const { return partitions_[partition].floor; }
  // Acknowledged; `floor` as it was when the commit was sent.
  void committed(size_t partition, int64_t offset, int64_t floor);
  // -1: nothing was committed. `floor` as it was when the question was asked, by a member of `generation`.
  void fetched(size_t partition, int64_t offset, int64_t floor, int32_t generation);
  uint64_t late_commits() const { return late_commits_; }
  // When the group has come to the end of what was written: every offset in `there` was read by a member.
  void read_all(size_t partition, std::span<const int64_t> there);

  size_t partition_count() const { return partitions_.size(); }
  uint64_t commits() const { return commits_; }
  uint64_t assignments() const { return assignments_; }
  const std::optional<Violation>& violation() const { return violation_; }

 private:
  struct Partition {
    std::set<int64_t> read;
    std::set<int64_t> tried;
    std::multiset<std::pair<int64_t, int32_t>> under_way;  // offset, generation
    int64_t floor = -1;
    bool floor_acknowledged = false;
    std::map<int32_t, std::string> owners;  // by generation
  };
  void violate(const char* checker, std::string message);

  std::vector<Partition> partitions_;
  uint64_t commits_ = 0;
  uint64_t assignments_ = 0;
  uint64_t late_commits_ = 0;
  std::optional<Violation> violation_;
};

}  // namespace weir::sim
