#include "weir/client/group/member.h"

#include <gtest/gtest.h>

namespace weir::client::group {
namespace {

MonoTime at_ms(int64_t ms) { return MonoTime{ms * 1'000'000}; }
PartitionSet set_of(std::vector<int32_t> indexes) {
  PartitionSet set;
  for (const int32_t index : indexes) set.insert({"t", PartitionIndex(index)});
  return set;
}

struct Driven {
  explicit Driven(bool cooperative, bool is_static = false) : member({.is_static = is_static, .is_cooperative = cooperative}) {}

  void join(int32_t generation, PartitionSet assignment) {
    if (member.duty() == Duty::kFindCoordinator) member.coordinator_found();
    ASSERT_EQ(member.duty(), Duty::kJoin);
    member.begin_join();
    member.joined(ErrorCode::kNone, "", "me", generation, at_ms(0));
    ASSERT_EQ(member.duty(), Duty::kSync);
    member.synced(ErrorCode::kNone, "", std::move(assignment), at_ms(0));
  }
  void take_up() {
    ASSERT_EQ(member.duty(), Duty::kLookUp);
    member.looked_up(true, at_ms(0));
    ASSERT_EQ(member.duty(), Duty::kTakeUp);
    (void)member.begin_take_up();
    ASSERT_EQ(member.duty(), Duty::kRest);
  }
  void hear(ErrorCode code) { member.told(member.identity(), code, at_ms(5'000)); }
  Member member;
};

// Property: a membership that ends while its partitions are being given back leaves nothing to lose later.
// Fails when what the next generation brings is lost at once, and taken up again without its positions.
TEST(GroupMember, lost_while_revoking) {
  Driven driven(false);
  driven.join(1, set_of({1}));
  driven.take_up();
  driven.hear(ErrorCode::kRebalanceInProgress);
  ASSERT_EQ(driven.member.duty(), Duty::kRevoke);
  driven.hear(ErrorCode::kIllegalGeneration);  // the commit before they go
  driven.member.revoked(set_of({1}));
  driven.join(2, set_of({1}));
  driven.take_up();
  EXPECT_TRUE(driven.member.is_stable());
}

// Property: a static member that is answered with a generation which others began without it commits nothing there that the generation
// does not give it: the partition has another owner by now, who has gone further. Fails when what it owned before may be committed in the
// new generation's name (simulator, groups seed 703716 at c89d71e).
TEST(GroupMember, commits_only_what_its_generation_gives_it) {
  for (const bool is_static : {false, true}) {
    Driven driven(true, is_static);
    driven.join(2, set_of({1, 3}));
    driven.take_up();
    driven.hear(ErrorCode::kRebalanceInProgress);
    EXPECT_EQ(driven.member.committable(), set_of({1, 3}));   // in the name of generation 2
    driven.member.begin_join();
    EXPECT_EQ(driven.member.committable(), set_of({1, 3}));
    driven.member.joined(ErrorCode::kNone, "", "me", 3, at_ms(0));
    EXPECT_EQ(driven.member.committable(), PartitionSet());   // nobody knows yet what generation 3 gives it
    driven.member.coordinator_lost(at_ms(0));
    EXPECT_EQ(driven.member.committable(), PartitionSet());   // and does not for long
    driven.member.coordinator_found();
    driven.member.joined(ErrorCode::kNone, "", "me", 3, at_ms(0));
    driven.member.synced(ErrorCode::kNone, "", set_of({1}), at_ms(0));
    ASSERT_EQ(driven.member.duty(), Duty::kRevoke);
    // One that is not static was there when generation 3 began, and what it gives back is nobody else's in it.
    EXPECT_EQ(driven.member.committable(), is_static ? set_of({1}) : set_of({1, 3}));
  }
}

// Property: a member whose join was answered only in a later generation than the next has lost what it owned, even what it is given
// again, and takes it up from the group's position. Fails when it goes on from its own, which is behind that of whoever had the
// partition in between (simulator, groups seed 20237 at 903130f).
TEST(GroupMember, a_generation_that_was_missed) {
  Driven driven(true, true);
  driven.join(3, set_of({1}));
  driven.take_up();
  driven.hear(ErrorCode::kRebalanceInProgress);
  driven.member.begin_join();
  driven.member.joined(ErrorCode::kNone, "", "me", 5, at_ms(0));
  EXPECT_TRUE(driven.member.has_lost());
  ASSERT_EQ(driven.member.duty(), Duty::kLose);
  driven.member.lost(set_of({1}));
  ASSERT_EQ(driven.member.duty(), Duty::kSync);
  driven.member.synced(ErrorCode::kNone, "", set_of({1}), at_ms(0));
  EXPECT_EQ(driven.member.arriving(), set_of({1}));
  driven.take_up();
  // The next generation misses nothing, and neither does the same one again.
  driven.hear(ErrorCode::kRebalanceInProgress);
  driven.join(6, set_of({1}));
  EXPECT_EQ(driven.member.duty(), Duty::kRest);
  driven.hear(ErrorCode::kRebalanceInProgress);
  driven.join(6, set_of({1}));
  EXPECT_EQ(driven.member.duty(), Duty::kRest);
}

// Property: from nothing to stable: find, join (told to come back with an id), sync, look up, take up, rest.
// Fails when a step is left out or the member id that the coordinator gave is not used.
TEST(GroupMember, first_join) {
  Member member({});
  EXPECT_EQ(member.duty(), Duty::kFindCoordinator);
  member.coordinator_lost(at_ms(0));
  EXPECT_EQ(member.not_before(), at_ms(100));
  EXPECT_EQ(member.duty(), Duty::kFindCoordinator);
  member.coordinator_found();
  EXPECT_EQ(member.duty(), Duty::kJoin);
  member.begin_join();
  member.joined(ErrorCode::kMemberIdRequired, "", "me", -1, at_ms(1));
  EXPECT_EQ(member.duty(), Duty::kJoin);
  EXPECT_EQ(member.identity().member_id, "me");
  EXPECT_EQ(member.heartbeat_due(), kFarFuture);
  member.begin_join();
  member.joined(ErrorCode::kNone, "", "me", 3, at_ms(2));
  EXPECT_EQ(member.duty(), Duty::kSync);
  member.synced(ErrorCode::kNone, "", set_of({1, 2}), at_ms(3));
  EXPECT_EQ(member.duty(), Duty::kLookUp);
  EXPECT_EQ(member.heartbeat_due(), at_ms(3'003));
  EXPECT_TRUE(member.owned().empty());
  member.looked_up(true, at_ms(4));
  EXPECT_EQ(member.begin_take_up(), set_of({1, 2}));
  EXPECT_EQ(member.owned(), set_of({1, 2}));
  EXPECT_TRUE(member.is_stable());
}

// Property: an eager member gives everything back before it joins again, a cooperative one nothing.
// Fails when an eager member joins while it still reads, or a cooperative one stops reading.
TEST(GroupMember, rebalance_eager_and_cooperative) {
  Driven eager(false);
  eager.join(1, set_of({1, 2}));
  eager.take_up();
  eager.hear(ErrorCode::kRebalanceInProgress);
  EXPECT_EQ(eager.member.duty(), Duty::kRevoke);
  EXPECT_EQ(eager.member.revoking(), set_of({1, 2}));
  eager.member.revoked(set_of({1, 2}));
  eager.join(2, set_of({2}));
  EXPECT_EQ(eager.member.arriving(), set_of({2}));

  Driven cooperative(true);
  cooperative.join(1, set_of({1, 2}));
  cooperative.take_up();
  cooperative.hear(ErrorCode::kRebalanceInProgress);
  cooperative.join(2, set_of({2, 3}));
  EXPECT_EQ(cooperative.member.duty(), Duty::kRevoke);
  EXPECT_EQ(cooperative.member.revoking(), set_of({1}));
  cooperative.member.revoked(set_of({1}));
  EXPECT_EQ(cooperative.member.owned(), set_of({2}));
  // What it released can be given to others in another rebalance only; what it was given comes after that.
  EXPECT_EQ(cooperative.member.duty(), Duty::kJoin);
  cooperative.join(3, set_of({2, 3}));
  EXPECT_EQ(cooperative.member.reason(), "partitions were released");
  cooperative.take_up();
  EXPECT_EQ(cooperative.member.owned(), set_of({2, 3}));
}

// Property: who is not known any more, or is of another generation, loses its partitions before it joins again; only the
// first also loses its id. Fails when it goes on reading, or joins while the application has not heard of it.
TEST(GroupMember, lost_membership) {
  for (const ErrorCode code : {ErrorCode::kUnknownMemberId, ErrorCode::kIllegalGeneration}) {
    Driven driven(true);
    driven.join(1, set_of({1}));
    driven.take_up();
    driven.hear(code);
    EXPECT_EQ(driven.member.duty(), Duty::kLose);
    driven.member.lost(set_of({1}));
    EXPECT_EQ(driven.member.duty(), Duty::kJoin);
    EXPECT_EQ(driven.member.identity().member_id, code == ErrorCode::kUnknownMemberId ? "" : "me");
    EXPECT_EQ(driven.member.identity().generation, -1);
  }
}

// Property: an answer to a heartbeat of an earlier generation changes nothing.
// Fails when a late REBALANCE_IN_PROGRESS starts a rebalance that is over.
TEST(GroupMember, late_answers) {
  Driven driven(true);
  driven.join(1, set_of({1}));
  driven.take_up();
  const Identity before = driven.member.identity();
  driven.hear(ErrorCode::kRebalanceInProgress);
  driven.join(2, set_of({1}));
  for (const ErrorCode code : {ErrorCode::kRebalanceInProgress, ErrorCode::kUnknownMemberId, ErrorCode::kIllegalGeneration}) {
    driven.member.told(before, code, at_ms(1));
    EXPECT_EQ(driven.member.duty(), Duty::kRest);
  }
}

// Property: a sync that another rebalance interrupts joins again and keeps what a cooperative member owns.
// Fails when the owned partitions are dropped or the generation in which they were given is forgotten.
TEST(GroupMember, sync_interrupted) {
  Driven driven(true);
  driven.join(1, set_of({1}));
  driven.take_up();
  driven.hear(ErrorCode::kRebalanceInProgress);
  driven.member.begin_join();
  driven.member.joined(ErrorCode::kNone, "", "me", 2, at_ms(1));
  driven.member.synced(ErrorCode::kRebalanceInProgress, "", {}, at_ms(1));
  EXPECT_EQ(driven.member.duty(), Duty::kJoin);
  EXPECT_EQ(driven.member.owned(), set_of({1}));
  EXPECT_EQ(driven.member.identity().generation, 2);
}

// Property: trouble with the coordinator makes the member look for it again, waiting longer each time, and keeps partitions.
// Fails when a coordinator that moves costs a member its partitions, or is asked without pause.
TEST(GroupMember, coordinator_moves) {
  Driven driven(true);
  driven.join(1, set_of({1}));
  driven.take_up();
  driven.hear(ErrorCode::kNotCoordinator);
  EXPECT_EQ(driven.member.duty(), Duty::kFindCoordinator);
  const MonoTime first = driven.member.not_before();
  driven.member.coordinator_lost(at_ms(5'000));
  EXPECT_GT(driven.member.not_before(), first);
  driven.member.coordinator_found();
  EXPECT_EQ(driven.member.duty(), Duty::kRest);
  EXPECT_EQ(driven.member.owned(), set_of({1}));
  driven.hear(ErrorCode::kNone);
  driven.hear(ErrorCode::kCoordinatorLoadInProgress);
  EXPECT_EQ(driven.member.duty(), Duty::kRest);
}

// Property: a member that stalls leaves, loses its partitions, and comes back only when it polls; a static one does not leave.
// Fails when a stalled member joins again behind the application's back.
TEST(GroupMember, stalls) {
  for (const bool is_static : {false, true}) {
    Driven driven(true, is_static);
    driven.join(1, set_of({1}));
    driven.take_up();
    driven.member.stalled();
    EXPECT_EQ(driven.member.duty(), Duty::kLose);
    driven.member.lost(set_of({1}));
    if (!is_static) {
      EXPECT_EQ(driven.member.duty(), Duty::kLeave);
      EXPECT_EQ(driven.member.leaving_id(), "me");
      driven.member.left();
    }
    EXPECT_EQ(driven.member.duty(), Duty::kRest);
    driven.member.polled();
    EXPECT_EQ(driven.member.duty(), Duty::kJoin);
    EXPECT_EQ(driven.member.identity().member_id, is_static ? "me" : "");
  }
}

// Property: closing revokes, then leaves, then ends; a static member ends without leaving; one whose partitions are lost
// does not revoke. Fails when a member stays in the group after close, or commits what it does not own.
TEST(GroupMember, closes) {
  Driven driven(true);
  driven.join(1, set_of({1}));
  driven.take_up();
  driven.member.close();
  EXPECT_EQ(driven.member.duty(), Duty::kRevoke);
  driven.member.revoked(driven.member.revoking());
  EXPECT_EQ(driven.member.duty(), Duty::kLeave);
  driven.member.left();
  EXPECT_EQ(driven.member.duty(), Duty::kEnded);

  Driven fixed(true, true);
  fixed.join(1, {});
  fixed.member.close();
  EXPECT_EQ(fixed.member.duty(), Duty::kEnded);

  Driven gone(true);
  gone.join(1, set_of({1}));
  gone.take_up();
  gone.hear(ErrorCode::kUnknownMemberId);
  gone.member.close();
  EXPECT_EQ(gone.member.duty(), Duty::kLose);
  gone.member.lost(set_of({1}));
  EXPECT_EQ(gone.member.duty(), Duty::kEnded);
}

// Property: an error that joining again cannot mend ends the membership: partitions are lost, nothing more is asked, and a
// member that was fenced does not take the other one out. Fails when a fenced member goes on, or leaves in its place.
TEST(GroupMember, fails_for_good) {
  Driven fenced(true, true);
  fenced.join(1, set_of({1}));
  fenced.take_up();
  fenced.hear(ErrorCode::kFencedInstanceId);
  EXPECT_EQ(fenced.member.duty(), Duty::kLose);
  fenced.member.lost(set_of({1}));
  EXPECT_EQ(fenced.member.duty(), Duty::kRest);
  EXPECT_EQ(fenced.member.failure()->code(), ErrorCode::kFencedInstanceId);
  EXPECT_EQ(fenced.member.heartbeat_due(), kFarFuture);
  fenced.member.close();
  EXPECT_EQ(fenced.member.duty(), Duty::kEnded);

  Member odd({});
  odd.coordinator_found();
  odd.begin_join();
  odd.joined(ErrorCode::kInconsistentGroupProtocol, "why", "", -1, at_ms(0));
  EXPECT_EQ(odd.failure()->message(), "why");
  EXPECT_EQ(odd.duty(), Duty::kRest);
}

}  // namespace
}  // namespace weir::client::group
