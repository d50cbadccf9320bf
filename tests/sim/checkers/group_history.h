// Checks a consumer group from outside: who was given what, what was read, what was committed and what came back.
//
//   double-owner     two members were given one partition in one generation
//   lost-commit      a position was acknowledged, and an older one or none came back later
//   commit-regress   a position came back, and later an older one, or an older one was accepted
//   invented-commit  a position came back that nobody tried to commit, or not as it was committed
//   unread-record    the group is past a record that none of its members read
//
// Every commit has a number that travels in its metadata, so that a position says which commit it is. A request whose answer
// never came may still be on its way, over a connection that was given up, and take effect after a later one: requests carry no
// order between connections, in Kafka's protocol neither. A position may therefore be of an earlier commit than the last that is
// known, if and only if that commit can still have been on its way when the later one was sent, and no later generation than its
// own has been given out: the coordinator refuses it from then on. Only generations that were given out to members count: one
// that ended before its assignments were made was never stored, though commits were accepted in its name, and its number comes
// again when the coordinator restarts. So it is in Kafka.
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

  using CommitNumber = int64_t;
  static constexpr CommitNumber kNoCommit = 0;

  // What is known of a partition's position at some moment: the commit that it must be of at least, acknowledged or seen.
  struct Mark {
    CommitNumber commit = kNoCommit;
    int32_t generation = -1;  // in which it was known to hold; given out
    friend bool operator==(const Mark&, const Mark&) = default;
  };

  // A member heard what it owns. `who` is its instance id when it has one: it may restart within a generation.
  void assigned(int32_t generation, const std::string& who, std::span<const size_t> partitions);
  void read(size_t partition, int64_t offset) { partitions_[partition].read.insert(offset); }

  // Numbers rise in the order in which commits are sent.
  CommitNumber next_commit() { return ++last_commit_; }
  void commit_tried(size_t partition, CommitNumber number, int64_t offset, int32_t generation);
  // The answer came, whatever it was, and the request was not sent twice: nothing of it is under way.
  void commit_answered(size_t partition, CommitNumber number);
  // Acknowledged. `before` as it was when the commit was sent.
  void committed(size_t partition, CommitNumber number, Mark before);

  Mark mark(size_t partition) const { return partitions_[partition].mark; }
  // The position that the mark names, -1 for none.
  int64_t floor(size_t partition) const;
  // kNoCommit and -1: nothing was committed. `before` as it was when the question was asked, by a member of `generation`.
  void fetched(size_t partition, CommitNumber number, int64_t offset, Mark before, int32_t generation);
  uint64_t late_commits() const { return late_commits_; }
  // When the group has come to the end of what was written: every offset in `there` was read by a member.
  void read_all(size_t partition, std::span<const int64_t> there);

  size_t partition_count() const { return partitions_.size(); }
  uint64_t commits() const { return commits_; }
  uint64_t assignments() const { return assignments_; }
  const std::optional<Violation>& violation() const { return violation_; }

 private:
  struct Commit {
    int64_t offset = -1;
    int32_t generation = -1;
    bool under_way = true;
    bool acknowledged = false;
    CommitNumber last_when_answered = kNoCommit;  // what was sent after that cannot have been overtaken by it
  };
  struct Partition {
    std::set<int64_t> read;
    std::map<CommitNumber, Commit> commits;
    Mark mark;
    std::map<int32_t, std::string> owners;  // by generation
  };
  Commit& at(size_t partition, CommitNumber number);
  static int64_t offset_of(const Partition& partition, CommitNumber number);
  static bool can_overtake(const Partition& partition, CommitNumber early, CommitNumber late, int32_t generation);
  void violate(const char* checker, std::string message);

  std::vector<Partition> partitions_;
  CommitNumber last_commit_ = kNoCommit;
  int32_t given_out_ = -1;  // the latest generation whose assignments a member heard
  uint64_t commits_ = 0;
  uint64_t assignments_ = 0;
  uint64_t late_commits_ = 0;
  std::optional<Violation> violation_;
};

}  // namespace weir::sim
