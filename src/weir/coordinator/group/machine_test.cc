#include "weir/coordinator/group/machine.h"

#include <gtest/gtest.h>

#include "weir/coordinator/partition_of.h"

namespace weir::coordinator::group {
namespace {

constexpr int32_t kSessionMs = 10'000;
constexpr int32_t kRebalanceMs = 60'000;

// A group, its clock, and the answers that came so far. Records are committed at once unless `holds_appends`.
class Bench {
 public:
  explicit Bench(Rules with = {}) : rules(with) { group.id = "g"; }

  Now now() const { return {MonoTime{ns}, ns / 1'000'000}; }
  void take(Actions actions) {
    for (Reply& reply : actions.replies) {
      EXPECT_TRUE(answered.insert(reply.token).second) << "answered twice: " << reply.token;
      if (auto* joined = std::get_if<JoinReply>(&reply.answer)) joins[reply.token] = std::move(*joined);
      else syncs[reply.token] = std::get<SyncReply>(reply.answer);
    }
    for (const Append& append : actions.appends) {
      record = append.value;
      if (append.id == 0) continue;
      if (holds_appends) held = append.id;
      else commit(append.id);
    }
  }
  void commit(uint64_t id, ErrorCode error = ErrorCode::kNone) { take(appended(group, rules, id, error, now())); }
  // Time passes, with every deadline on the way.
  void pass(int64_t ms) {
    const int64_t until = ns + ms * 1'000'000;
    while (group.wake_at.ns <= until) {
      ns = std::max(ns, group.wake_at.ns);
      const MonoTime before = group.wake_at;
      take(tick(group, rules, now()));
      ASSERT_TRUE(group.wake_at > before) << "a tick must move the next one on";
    }
    ns = until;
  }
  Token join_as(const std::string& id, std::optional<std::string> instance = std::nullopt, std::vector<std::string> protocols = {"range"},
                bool requires_known_id = false, const std::string& metadata = "m", bool can_skip = false) {
    Join event;
    event.token = ++last;
    event.member_id = id;
    event.fresh_id = "fresh-" + std::to_string(last);
    event.instance_id = std::move(instance);
    event.session_timeout_ms = kSessionMs;
    event.rebalance_timeout_ms = rebalance_ms;
    event.protocol_type = "consumer";
    for (const std::string& name : protocols) event.protocols.push_back({name, SharedBytes::copy_of(as_bytes(metadata))});
    event.requires_known_id = requires_known_id;
    event.can_skip_assignment = can_skip;
    take(join(group, rules, event, now()));
    return last;
  }
  Token sync_as(const std::string& id, int32_t generation, std::vector<std::pair<std::string, std::string>> given = {}) {
    Sync event;
    event.token = ++last;
    event.member_id = id;
    event.generation = generation;
    for (const auto& [member, assignment] : given) event.assignments.emplace_back(member, SharedBytes::copy_of(as_bytes(assignment)));
    take(sync(group, rules, event, now()));
    return last;
  }
  ErrorCode beat(const std::string& id) { return heartbeat(group, {id, std::nullopt}, group.generation, now()); }
  ErrorCode leave_as(const Identity& who) {
    Actions actions;
    const ErrorCode code = leave(group, rules, who, now(), actions);
    take(std::move(actions));
    return code;
  }
  // A stable group of `count` dynamic members; returns their ids.
  std::vector<std::string> settle(size_t count) {
    std::vector<Token> tokens;
    for (size_t i = 0; i < count; ++i) tokens.push_back(join_as(""));
    pass(rules.initial_delay_ms * 2);
    std::vector<std::string> ids;
    for (const Token token : tokens) ids.push_back(joins.at(token).member_id);
    for (const std::string& id : ids) sync_as(id, group.generation);
    EXPECT_EQ(group.phase, Phase::kStable);
    return ids;
  }
  bool is_answered(Token token) const { return answered.contains(token); }

  Rules rules;
  GroupState group;
  int64_t ns = 1'000'000'000;
  Token last = 0;
  std::set<Token> answered;
  std::map<Token, JoinReply> joins;
  std::map<Token, SyncReply> syncs;
  std::optional<protocol::GroupMetadataValue> record;
  bool holds_appends = false;
  int32_t rebalance_ms = kRebalanceMs;
  uint64_t held = 0;
};

// Property (KIP-394): a dynamic member first learns its id and is then accepted under it; an id that nobody uses is forgotten.
TEST(GroupMachine, member_id_required) {
  Bench bench;
  const Token first = bench.join_as("", std::nullopt, {"range"}, true);
  EXPECT_EQ(bench.joins.at(first).error, ErrorCode::kMemberIdRequired);
  const std::string id = bench.joins.at(first).member_id;
  const Token second = bench.join_as(id, std::nullopt, {"range"}, true);
  bench.pass(3'000);
  EXPECT_EQ(bench.joins.at(second).error, ErrorCode::kNone);
  EXPECT_EQ(bench.joins.at(second).member_id, id);
  EXPECT_EQ(bench.joins.at(second).leader, id);
  const Token unused = bench.join_as("", std::nullopt, {"range"}, true);
  bench.beat(id);
  bench.pass(kSessionMs - 1);
  bench.sync_as(id, 1);
  bench.beat(id);
  bench.pass(1);
  const Token late = bench.join_as(bench.joins.at(unused).member_id, std::nullopt, {"range"}, true);
  EXPECT_EQ(bench.joins.at(late).error, ErrorCode::kUnknownMemberId);
}

// Property: the first round waits for the initial delay, longer while members come, and only the leader hears of all.
TEST(GroupMachine, initial_delay_is_extended_and_the_leader_gets_the_members) {
  Bench bench;
  const Token a = bench.join_as("");
  bench.pass(2'000);
  EXPECT_FALSE(bench.is_answered(a));
  const Token b = bench.join_as("");
  bench.pass(1'500);
  EXPECT_FALSE(bench.is_answered(a)) << "b came during the delay";
  bench.pass(2'500);
  ASSERT_TRUE(bench.is_answered(a) && bench.is_answered(b));
  EXPECT_EQ(bench.joins[a].generation, 1);
  EXPECT_EQ(bench.joins[a].members.size(), 2u);
  EXPECT_TRUE(bench.joins[b].members.empty());
  EXPECT_EQ(bench.joins[b].leader, bench.joins[a].member_id);
}

// Property: no member is answered before the leader's assignment is committed; members it forgot get an empty one.
TEST(GroupMachine, sync_waits_for_the_leader_and_for_the_record) {
  Bench bench;
  bench.holds_appends = true;
  const Token a = bench.join_as("");
  const Token b = bench.join_as("");
  bench.pass(6'000);
  const std::string leader = bench.joins[a].member_id;
  const std::string follower = bench.joins[b].member_id;
  const Token waits = bench.sync_as(follower, 1);
  const Token leads = bench.sync_as(leader, 1, {{leader, "all"}});
  EXPECT_FALSE(bench.is_answered(waits) || bench.is_answered(leads));
  EXPECT_EQ(bench.beat(leader), ErrorCode::kNone) << "CompletingRebalance";
  bench.commit(bench.held);
  EXPECT_EQ(as_text(bench.syncs.at(leads).assignment), "all");
  EXPECT_TRUE(bench.syncs.at(waits).assignment.empty());
  ASSERT_TRUE(bench.record.has_value());
  EXPECT_EQ(bench.record->members.size(), 2u);
}

// Property: a record that is not committed sends everybody into a new round with the error.
TEST(GroupMachine, failed_append_starts_another_round) {
  Bench bench;
  bench.holds_appends = true;
  const Token a = bench.join_as("");
  bench.pass(3'000);
  const Token leads = bench.sync_as(bench.joins[a].member_id, 1, {});
  bench.commit(bench.held, ErrorCode::kCoordinatorNotAvailable);
  EXPECT_EQ(bench.syncs.at(leads).error, ErrorCode::kCoordinatorNotAvailable);
  EXPECT_EQ(bench.group.phase, Phase::kPreparingRebalance);
}

// Property: heartbeats say what the phase says, and silence ends a session.
TEST(GroupMachine, heartbeats_and_sessions) {
  Bench bench;
  const auto ids = bench.settle(2);
  EXPECT_EQ(bench.beat(ids[0]), ErrorCode::kNone);
  EXPECT_EQ(bench.beat("nobody"), ErrorCode::kUnknownMemberId);
  EXPECT_EQ(heartbeat(bench.group, {ids[0], std::nullopt}, 7, bench.now()), ErrorCode::kIllegalGeneration);
  bench.pass(kSessionMs - 1);
  bench.beat(ids[0]);
  bench.pass(1'000);
  EXPECT_EQ(bench.group.member(ids[1]), nullptr);
  EXPECT_EQ(bench.beat(ids[0]), ErrorCode::kRebalanceInProgress);
  bench.pass(kSessionMs);
  EXPECT_EQ(bench.group.phase, Phase::kEmpty);
  EXPECT_EQ(bench.beat(ids[0]), ErrorCode::kUnknownMemberId);
  EXPECT_TRUE(bench.record->members.empty()) << "that nobody is left is recorded";
}

// Property: who does not join the next round in time is dropped; who joined and never syncs too.
TEST(GroupMachine, absentees_are_dropped) {
  Bench bench;
  const auto ids = bench.settle(2);
  const Token again = bench.join_as(ids[0]);
  for (int i = 0; i < 10; ++i) {
    bench.beat(ids[1]);
    bench.pass(kRebalanceMs / 10);
  }
  ASSERT_TRUE(bench.is_answered(again));
  EXPECT_EQ(bench.joins[again].generation, 2);
  EXPECT_EQ(bench.group.member(ids[1]), nullptr);
  for (int i = 0; i < 10; ++i) {
    bench.beat(ids[0]);
    bench.pass(kRebalanceMs / 10);
  }
  EXPECT_TRUE(bench.group.members.empty()) << "it never synced";
}

// Property: the protocol is voted for among those that all know; nothing in common is refused.
TEST(GroupMachine, protocol_by_vote) {
  Bench bench;
  const Token a = bench.join_as("", std::nullopt, {"sticky", "range"});
  bench.join_as("", std::nullopt, {"range", "sticky"});
  bench.join_as("", std::nullopt, {"range", "roundrobin", "sticky"});
  const Token alone = bench.join_as("", std::nullopt, {"roundrobin"});
  EXPECT_EQ(bench.joins.at(alone).error, ErrorCode::kInconsistentGroupProtocol);
  bench.pass(10'000);
  EXPECT_EQ(bench.joins.at(a).protocol, "range");
}

// Property: beyond group.max.size nobody is taken.
TEST(GroupMachine, full) {
  Bench bench(Rules{.members_max = 2});
  bench.settle(2);
  const Token third = bench.join_as("");
  EXPECT_EQ(bench.joins.at(third).error, ErrorCode::kGroupMaxSizeReached);
}

// Property (KIP-345): a static member that comes back takes its place without a round, after its record; its old id is fenced.
TEST(GroupMachine, static_member_returns) {
  Bench bench;
  const Token a = bench.join_as("", "one");
  bench.pass(3'000);
  const std::string old_id = bench.joins[a].member_id;
  bench.sync_as(old_id, 1, {{old_id, "mine"}});
  const Token back = bench.join_as("", "one", {"range"}, true, "m", true);
  ASSERT_TRUE(bench.is_answered(back));
  const JoinReply& reply = bench.joins[back];
  EXPECT_EQ(reply.generation, 1);
  EXPECT_NE(reply.member_id, old_id);
  EXPECT_TRUE(reply.skip_assignment);
  EXPECT_EQ(reply.leader, reply.member_id);
  EXPECT_EQ(bench.group.phase, Phase::kStable);
  const Token synced = bench.sync_as(reply.member_id, 1);
  EXPECT_EQ(as_text(bench.syncs.at(synced).assignment), "mine");
  EXPECT_EQ(heartbeat(bench.group, {old_id, "one"}, 1, bench.now()), ErrorCode::kFencedInstanceId);
  EXPECT_EQ(check_commit(bench.group, {old_id, "one"}, 1, bench.now()), ErrorCode::kFencedInstanceId);
  EXPECT_EQ(bench.leave_as({old_id, "one"}), ErrorCode::kFencedInstanceId);
  EXPECT_EQ(bench.leave_as({"", "one"}), ErrorCode::kNone);
  EXPECT_EQ(bench.group.phase, Phase::kEmpty);
}

// Property: who may commit, in each phase.
TEST(GroupMachine, commits) {
  Bench bench;
  EXPECT_EQ(check_commit(bench.group, {}, -1, bench.now()), ErrorCode::kNone) << "a simple consumer";
  const auto ids = bench.settle(1);
  EXPECT_EQ(check_commit(bench.group, {}, -1, bench.now()), ErrorCode::kUnknownMemberId);
  EXPECT_EQ(check_commit(bench.group, {ids[0], std::nullopt}, 1, bench.now()), ErrorCode::kNone);
  EXPECT_EQ(check_commit(bench.group, {ids[0], std::nullopt}, 0, bench.now()), ErrorCode::kIllegalGeneration);
  const Token newcomer = bench.join_as("");
  EXPECT_EQ(check_commit(bench.group, {ids[0], std::nullopt}, 1, bench.now()), ErrorCode::kNone) << "PreparingRebalance";
  bench.join_as(ids[0]);
  ASSERT_TRUE(bench.is_answered(newcomer));
  EXPECT_EQ(check_commit(bench.group, {ids[0], std::nullopt}, 2, bench.now()), ErrorCode::kRebalanceInProgress);
}

// Property: a round that nobody joins, because only static members are left and all are away, is looked at again after a while,
// also when they asked for a rebalance timeout of nothing. Fails (pass() says so) when the timer is armed for the present: the
// broker would do nothing else until the last session ends.
TEST(GroupMachine, a_round_that_nobody_joins_does_not_spin) {
  Bench bench;
  bench.rebalance_ms = kSessionMs / 2;
  const Token away = bench.join_as("", "one");
  bench.pass(3'000);
  bench.sync_as(bench.joins[away].member_id, 1);
  bench.rebalance_ms = 0;
  bench.join_as(bench.joins[away].member_id, "one");
  bench.sync_as(bench.joins[away].member_id, 2);
  bench.rebalance_ms = kSessionMs / 2;
  bench.join_as("", "other");
  const std::string other = bench.group.static_members.at("other");
  EXPECT_EQ(bench.group.phase, Phase::kPreparingRebalance);
  EXPECT_EQ(bench.leave_as({other, "other"}), ErrorCode::kNone);
  bench.pass(kSessionMs - 1'000);
  EXPECT_NE(bench.group.member(bench.joins[away].member_id), nullptr) << "its session is not over";
  EXPECT_EQ(bench.group.phase, Phase::kPreparingRebalance);
  bench.pass(kSessionMs);
  EXPECT_EQ(bench.group.phase, Phase::kEmpty);
}

// Property: a group gives out no more ids than so many at a time; who comes too much is told to try again, and can when some were
// forgotten. Fails when a client that asks for ids and never uses them fills the memory.
TEST(GroupMachine, ids_that_nobody_uses_are_bounded) {
  Bench bench;
  for (size_t i = 0; i < kPendingMembersMax; ++i) {
    const Token asked = bench.join_as("", std::nullopt, {"range"}, true);
    ASSERT_EQ(bench.joins.at(asked).error, ErrorCode::kMemberIdRequired);
  }
  const Token late = bench.join_as("", std::nullopt, {"range"}, true);
  EXPECT_EQ(bench.joins.at(late).error, ErrorCode::kCoordinatorNotAvailable);
  EXPECT_EQ(bench.group.pending_members.size(), kPendingMembersMax);
  bench.pass(kSessionMs);
  const Token again = bench.join_as("", std::nullopt, {"range"}, true);
  EXPECT_EQ(bench.joins.at(again).error, ErrorCode::kMemberIdRequired);
}

// Property: a reload gives back the members with their assignments, stable, each with a whole session.
TEST(GroupMachine, reload) {
  Bench bench;
  const auto ids = bench.settle(3);
  GroupState loaded = from_record("g", *bench.record, bench.now());
  EXPECT_EQ(loaded.phase, Phase::kStable);
  EXPECT_EQ(loaded.generation, bench.group.generation);
  EXPECT_EQ(loaded.leader, bench.group.leader);
  EXPECT_EQ(heartbeat(loaded, {ids[2], std::nullopt}, loaded.generation, bench.now()), ErrorCode::kNone);
  EXPECT_EQ(loaded.wake_at, bench.now().mono + std::chrono::milliseconds(kSessionMs));
}

// Property: a group's partition is the one Kafka gives it. Values from Java's String.hashCode.
TEST(PartitionOf, is_kafkas) {
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("hello"), 99162322);
  EXPECT_EQ(java_hash("polygenelubricants"), INT32_MIN);
  EXPECT_EQ(partition_of("polygenelubricants", 50), PartitionIndex(0));
  EXPECT_EQ(java_hash("\xc3\xa9"), 0xe9);
  EXPECT_EQ(java_hash("\xf0\x9f\x98\x80"), 31 * 0xd83d + 0xde00);
}

}  // namespace
}  // namespace weir::coordinator::group
