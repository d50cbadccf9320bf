// The checkers themselves: what they must let pass, and what they must find. A checker that finds nothing proves nothing.
#include <gtest/gtest.h>

#include "checkers/group_history.h"
#include "checkers/log_history.h"

namespace weir::sim {
namespace {

using Mark = GroupHistory::Mark;
using CommitNumber = GroupHistory::CommitNumber;

class Group : public ::testing::Test {
 protected:
  CommitNumber try_commit(int64_t offset, int32_t generation) {
    const CommitNumber number = history.next_commit();
    history.commit_tried(0, number, offset, generation);
    return number;
  }
  // Answered at once, and acknowledged.
  CommitNumber commit(int64_t offset, int32_t generation) {
    history.assigned(generation, "somebody", {});
    return commit_in_passing(offset, generation);
  }
  CommitNumber commit_in_passing(int64_t offset, int32_t generation) {
    const Mark before = history.mark(0);
    const CommitNumber number = try_commit(offset, generation);
    history.commit_answered(0, number);
    history.committed(0, number, before);
    return number;
  }
  void fetch(CommitNumber number, int64_t offset, int32_t generation) { history.fetched(0, number, offset, history.mark(0), generation); }
  std::string found() const { return history.violation() ? history.violation()->checker : ""; }

  GroupHistory history{1};
};

// Property: the last acknowledged position may come back, and so may a later one whose answer was lost.
TEST_F(Group, what_was_acknowledged_or_is_newer_may_come_back) {
  const CommitNumber first = commit(10, 1);
  fetch(first, 10, 2);
  const CommitNumber lost = try_commit(20, 2);
  fetch(lost, 20, 3);
  EXPECT_EQ(found(), "");
  EXPECT_EQ(history.floor(0), 20);
}

// Property: an older position than one that was acknowledged is a loss. Fails when any commit that was ever tried is let pass.
TEST_F(Group, an_answered_commit_does_not_come_back) {
  const CommitNumber first = commit(10, 1);
  commit(20, 1);
  fetch(first, 10, 2);
  EXPECT_EQ(found(), "lost-commit");
}

// Property: no position where one was acknowledged is a loss. Fails when "none" is not compared.
TEST_F(Group, nothing_after_something_is_a_loss) {
  commit(10, 1);
  fetch(GroupHistory::kNoCommit, -1, 2);
  EXPECT_EQ(found(), "lost-commit");
}

// Property: a commit over a connection that was given up may overtake a later one of its generation, but only until a member of
// a later generation has looked. Fails when the generation is not compared.
TEST_F(Group, a_late_commit_counts_within_its_generation_only) {
  const CommitNumber given_up = try_commit(10, 1);
  commit(20, 1);
  fetch(given_up, 10, 2);
  EXPECT_EQ(found(), "");
  EXPECT_EQ(history.late_commits(), 1u);
  EXPECT_EQ(history.floor(0), 10);
  const CommitNumber next = commit(15, 2);
  fetch(next, 15, 3);
  fetch(given_up, 10, 4);
  EXPECT_EQ(found(), "lost-commit");
}

// Property: only what can have been on its way is late. Fails when an answered commit counts as under way.
TEST_F(Group, a_commit_that_was_answered_before_the_later_one_was_sent_is_not_late) {
  const CommitNumber early = try_commit(10, 1);
  history.commit_answered(0, early);
  commit(20, 1);
  fetch(early, 10, 2);
  EXPECT_EQ(found(), "lost-commit");
}

// Property: what a generation stored is there for the next. Fails when an acknowledgement that comes late only moves the mark.
TEST_F(Group, a_commit_of_an_old_generation_is_not_acknowledged_behind_a_later_look) {
  const CommitNumber first = commit(10, 1);
  const Mark before = history.mark(0);
  const CommitNumber second = try_commit(20, 1);
  fetch(first, 10, 2);
  history.commit_answered(0, second);
  history.committed(0, second, before);
  EXPECT_EQ(found(), "lost-commit");
}

// Property: a generation that ended before anybody heard its assignments may come again after a crash of the coordinator.
TEST_F(Group, a_generation_that_was_not_given_out_comes_again) {
  fetch(GroupHistory::kNoCommit, -1, 10);
  commit_in_passing(10, 12);
  const CommitNumber again = commit_in_passing(20, 11);
  fetch(again, 20, 12);
  EXPECT_EQ(found(), "");
}

// Property: an accepted commit is not below what was known when it was sent. Fails when acknowledgements are not compared.
TEST_F(Group, a_lower_commit_is_a_regress) {
  commit(20, 1);
  commit(10, 1);
  EXPECT_EQ(found(), "commit-regress");
}

// Property: a position is what the commit it names had. Fails when offsets and numbers are not compared.
TEST_F(Group, positions_are_of_commits_that_were_made) {
  const CommitNumber first = commit(20, 1);
  fetch(first, 21, 2);
  EXPECT_EQ(found(), "invented-commit");
}

class Deletion : public ::testing::Test {
 protected:
  Deletion() {
    for (uint32_t i = 1; i <= 10; ++i) history.attempted({1, i});
  }
  void acknowledge(int64_t offsets) {
    for (int64_t i = 0; i < offsets; ++i) history.acknowledged({1, static_cast<uint32_t>(i + 1)}, i);
  }
  void read_from(int64_t start, int64_t end) {
    std::vector<Placed> there;
    for (int64_t i = start; i < end; ++i) there.push_back({i, {1, static_cast<uint32_t>(i + 1)}});
    history.final_read(start, there);
  }
  std::string found() const { return history.violation() ? history.violation()->checker : ""; }

  LogHistory history{"log"};
};

// Property: what was deleted stays deleted, and nothing else goes.
TEST_F(Deletion, a_log_that_begins_where_it_was_cut_is_right) {
  acknowledge(10);
  history.deletion_tried(4);
  history.deleted(4, 4, 0);
  read_from(4, 10);
  EXPECT_EQ(found(), "");
}

// Property: an acknowledged low watermark holds. Fails when the start of the log is not compared with it.
TEST_F(Deletion, what_was_deleted_may_not_come_back) {
  acknowledge(10);
  history.deletion_tried(4);
  history.deleted(4, 4, 0);
  read_from(3, 10);
  EXPECT_EQ(found(), "undeleted");
}

// Property: readers see the deletion too, from the acknowledgement on. Fails when reads are not compared, or those that were
// asked for before are.
TEST_F(Deletion, a_reader_may_not_see_what_was_deleted_before_it_asked) {
  acknowledge(10);
  history.deletion_tried(LogHistory::kEverything);
  history.deleted(LogHistory::kEverything, 7, 0);
  history.observed({6, {1, 7}}, 0);  // asked before
  EXPECT_EQ(found(), "");
  history.observed({6, {1, 7}}, history.start_floor());
  EXPECT_EQ(found(), "undeleted");
}

// Property: the log begins no later than somebody asked for. Fails when only the end of the log is compared.
TEST_F(Deletion, nothing_goes_that_nobody_asked_for) {
  acknowledge(10);
  history.deletion_tried(4);  // never answered: may have happened or not
  read_from(5, 10);
  EXPECT_EQ(found(), "deleted-too-much");
}

// Property: a deletion excuses nothing that lies behind it. Fails when records are excused once anything was deleted.
TEST_F(Deletion, what_lies_behind_the_cut_is_lost_when_it_is_missing) {
  acknowledge(10);
  history.deletion_tried(4);
  read_from(4, 9);
  EXPECT_EQ(found(), "lost-write");
}

// Property: a write that was acknowledged as a repetition, without its offset, is missed when what its writer sent before is there.
TEST_F(Deletion, a_write_without_a_known_offset_lies_behind_those_before_it) {
  acknowledge(5);
  history.acknowledged({1, 6}, -1);
  history.deletion_tried(2);
  read_from(2, 5);
  EXPECT_EQ(found(), "lost-write");
}

// Property: the same write is not missed when all before it is gone as well. Fails when unknown offsets are never excused.
TEST_F(Deletion, a_write_without_a_known_offset_may_be_among_what_was_deleted) {
  acknowledge(5);
  history.acknowledged({1, 6}, -1);
  history.deletion_tried(6);
  read_from(6, 6);
  EXPECT_EQ(found(), "");
}

}  // namespace
}  // namespace weir::sim
