// The group's machine under random interleavings of members, time, a log that commits late or fails, crash and reload.
#include <algorithm>
#include <deque>

#include <gtest/gtest.h>

#include "weir/base/prng.h"
#include "weir/coordinator/group/machine.h"

namespace weir::coordinator::group {
namespace {

constexpr size_t kModelMembersMax = 5;

// What the runs reached: a model test that never gets anywhere proves nothing.
struct Reached {
  uint64_t sessions_ended = 0;
  uint64_t joins_cut_off = 0;    // a round ended by its timeout
  uint64_t syncs_cut_off = 0;    // members dropped because they did not sync
  uint64_t leaves = 0;
  uint64_t statics_back = 0;
  uint64_t fenced = 0;
  uint64_t failed_writes = 0;
  uint64_t late_writes = 0;      // committed after they were given up
  uint64_t crashes = 0;
  uint64_t crashes_in_a_write = 0;
  uint64_t reloads_with_members = 0;
  uint64_t assignments = 0;
  uint64_t emptied = 0;
};

class Model {
 public:
  Model(uint64_t seed, Reached& reached) : draw_(seed), reached_(reached) {
    rules_.initial_delay_ms = static_cast<int64_t>(draw_.below(4)) * 1'000;
    rules_.members_max = kModelMembersMax;
    group_.id = "g";
    commits_late_ = draw_.chance(60);
    session_ms_ = draw_.chance(50) ? 10'000 : 60'000;
    rebalance_ms_ = draw_.chance(50) ? 3'000 : 30'000;
  }

  void step() {
    switch (draw_.below(12)) {
      case 0:
      case 1:
      case 2: join_as(some_id(), std::nullopt); break;
      case 3: join_as("", "s" + std::to_string(draw_.below(2))); break;
      case 4:
      case 5:
      case 6: sync_as(draw_.chance(60) ? group_.leader : some_id()); break;
      case 7: beat(); break;
      case 8: leave_some(); break;
      case 9: pass(static_cast<int64_t>(draw_.below(draw_.chance(20) ? 40'000 : 6'000))); break;
      case 10: settle_write(); break;
      case 11:
        if (draw_.chance(15)) crash();
        break;
    }
    check();
  }

  // Everybody falls silent: the group empties, and nobody is left waiting.
  void end() {
    for (int i = 0; i < 8; ++i) {
      while (!log_.empty()) commit_front(ErrorCode::kNone);
      pass(kNewMemberJoinMs * 2);
      check();
    }
    EXPECT_TRUE(group_.members.empty());
    EXPECT_EQ(group_.phase, Phase::kEmpty);
    for (const Token token : asked_) EXPECT_TRUE(answered_.contains(token)) << token;
  }

 private:
  struct Logged {
    uint64_t id;
    protocol::GroupMetadataValue value;
    bool given_up = false;
  };

  Now now() const { return {MonoTime{ns_}, ns_ / 1'000'000}; }
  std::string some_id() { return ids_.empty() || draw_.chance(25) ? "" : ids_[draw_.below(ids_.size())]; }

  void take(Actions actions) {
    for (Reply& reply : actions.replies) {
      ASSERT_TRUE(answered_.insert(reply.token).second) << "answered twice: " << reply.token;
      if (auto* joined = std::get_if<JoinReply>(&reply.answer)) {
        if (!joined->member_id.empty() && std::ranges::find(ids_, joined->member_id) == ids_.end()) ids_.push_back(joined->member_id);
        continue;
      }
      const auto& synced = std::get<SyncReply>(reply.answer);
      if (synced.error != ErrorCode::kNone) continue;
      // All of one generation live by one assignment, whatever crashed in between: no two can own the same.
      const std::string text(as_text(synced.assignment));
      if (text.empty()) continue;  // the leader did not know of this member
      const auto round = rounds_.try_emplace(group_.generation, text).first;
      ASSERT_EQ(round->second, text) << "generation " << group_.generation << " has two assignments";
      ++reached_.assignments;
    }
    for (Append& append : actions.appends) {
      reached_.emptied += append.value.members.empty() ? 1 : 0;
      log_.push_back({append.id, std::move(append.value)});
    }
    if (!commits_late_) {
      while (!log_.empty()) commit_front(ErrorCode::kNone);
    }
  }
  // The first record that is not committed yet is, or its patience ends and it may be later.
  void commit_front(ErrorCode error) {
    Logged& front = log_.front();
    const uint64_t id = std::exchange(front.id, 0);
    if (error == ErrorCode::kNone) {
      committed_ = front.value;
      reached_.late_writes += front.given_up ? 1 : 0;
      log_.pop_front();
    } else {
      reached_.failed_writes += id != 0 ? 1 : 0;
      front.given_up = true;
    }
    if (id != 0) take(appended(group_, rules_, id, error, now()));
  }
  void settle_write() {
    if (!log_.empty()) commit_front(draw_.chance(25) ? ErrorCode::kCoordinatorNotAvailable : ErrorCode::kNone);
  }

  void join_as(const std::string& id, std::optional<std::string> instance) {
    Join event;
    event.token = ask();
    event.member_id = id;
    event.fresh_id = "m" + std::to_string(event.token);
    if (instance && group_.is_static(*instance)) ++reached_.statics_back;
    event.instance_id = std::move(instance);
    event.session_timeout_ms = session_ms_;
    event.rebalance_timeout_ms = rebalance_ms_;
    event.protocol_type = "consumer";
    const std::string metadata = draw_.chance(30) ? "other" : "m";
    for (const char* name : {"range", "sticky"}) event.protocols.push_back({name, SharedBytes::copy_of(as_bytes(metadata))});
    if (draw_.chance(30)) event.protocols.pop_back();
    event.requires_known_id = draw_.chance(50);
    event.can_skip_assignment = draw_.chance(50);
    take(join(group_, rules_, event, now()));
  }
  void sync_as(const std::string& id) {
    Sync event;
    event.token = ask();
    event.member_id = id;
    if (const Member* member = group_.member(id)) event.instance_id = member->instance_id;
    event.generation = group_.generation - (draw_.chance(10) ? 1 : 0);
    const std::string nonce = "by " + std::to_string(event.token);
    for (const auto& [member_id, member] : group_.members) event.assignments.emplace_back(member_id, SharedBytes::copy_of(as_bytes(nonce)));
    take(sync(group_, rules_, event, now()));
  }
  void beat() {
    const std::string id = some_id();
    std::optional<std::string> instance;
    if (draw_.chance(30)) instance = "s0";
    const ErrorCode code = heartbeat(group_, {id, instance}, group_.generation, now());
    if (code == ErrorCode::kFencedInstanceId) ++reached_.fenced;
    if (code == ErrorCode::kNone) {
      ASSERT_EQ(check_commit(group_, {id, instance}, group_.generation, now()) == ErrorCode::kRebalanceInProgress,
                group_.phase == Phase::kCompletingRebalance);
    }
  }
  void leave_some() {
    Actions actions;
    const Identity who = draw_.chance(20) ? Identity{"", "s0"} : Identity{some_id(), std::nullopt};
    if (leave(group_, rules_, who, now(), actions) == ErrorCode::kNone) ++reached_.leaves;
    take(std::move(actions));
  }
  // Time passes, with every deadline on the way.
  void pass(int64_t ms) {
    const int64_t until = ns_ + ms * 1'000'000;
    while (group_.wake_at.ns <= until) {
      ns_ = std::max(ns_, group_.wake_at.ns);
      const MonoTime before = group_.wake_at;
      const Phase phase = group_.phase;
      const bool round_is_due = phase == Phase::kPreparingRebalance && group_.rebalance_at <= now().mono && !group_.in_initial_delay;
      const bool syncs_are_due = group_.sync_by <= now().mono && !group_.awaited_syncs.empty();
      const size_t members = group_.members.size();
      take(tick(group_, rules_, now()));
      if (round_is_due) ++reached_.joins_cut_off;
      else if (syncs_are_due) ++reached_.syncs_cut_off;
      else if (group_.members.size() < members) ++reached_.sessions_ended;
      ASSERT_TRUE(group_.wake_at > before) << "a tick must move the next one on";
    }
    ns_ = until;
  }
  // What was committed is there again, and of the rest what the disk had of it: a prefix.
  void crash() {
    ++reached_.crashes;
    if (!log_.empty()) ++reached_.crashes_in_a_write;
    for (uint64_t kept = draw_.below(log_.size() + 1); kept > 0; --kept) {
      committed_ = log_.front().value;
      log_.pop_front();
    }
    log_.clear();
    asked_.clear();  // the requests are gone with the connections
    group_ = committed_ ? from_record("g", *committed_, now()) : GroupState{.id = "g"};
    generation_ = group_.generation;
    if (!group_.members.empty()) ++reached_.reloads_with_members;
  }
  Token ask() {
    asked_.insert(++last_);
    return last_;
  }

  void check() {
    ASSERT_GE(group_.generation, generation_);
    generation_ = group_.generation;
    ASSERT_LE(group_.members.size(), 2 * kModelMembersMax) << "old ones that did not come back, and as many new ones";
    ASSERT_EQ(group_.members.empty(), group_.leader.empty());
    if (!group_.leader.empty()) {
      ASSERT_TRUE(group_.members.contains(group_.leader));
    }
    size_t parked = 0;
    size_t statics = 0;
    for (const auto& [id, member] : group_.members) {
      ASSERT_EQ(id, member.id);
      parked += member.join != kNoToken ? 1 : 0;
      statics += member.instance_id ? 1 : 0;
      if (member.instance_id) {
        ASSERT_EQ(group_.static_members.at(*member.instance_id), id);
      }
      ASSERT_LE(group_.wake_at, member.deadline);
    }
    ASSERT_EQ(parked, group_.parked_joins);
    ASSERT_EQ(statics, group_.static_members.size());
    for (const auto& [name, count] : group_.protocol_support) {
      const auto knows = [&](const auto& row) { return row.second.protocol(name) != nullptr; };
      ASSERT_EQ(static_cast<size_t>(std::ranges::count_if(group_.members, knows)), count) << name;
    }
    if (group_.phase == Phase::kEmpty) {
      ASSERT_TRUE(group_.members.empty());
    }
    if (group_.phase == Phase::kStable || group_.phase == Phase::kCompletingRebalance) {
      ASSERT_FALSE(group_.members.empty());
      ASSERT_TRUE(group_.protocol.has_value());
      for (const auto& [id, member] : group_.members) ASSERT_NE(member.protocol(*group_.protocol), nullptr) << id;
    }
  }

  Prng draw_;
  Reached& reached_;
  Rules rules_;
  GroupState group_;
  bool commits_late_ = false;
  int32_t session_ms_ = 0;
  int32_t rebalance_ms_ = 0;
  int64_t ns_ = 1'000'000'000;
  int32_t generation_ = 0;
  Token last_ = 0;
  std::deque<Logged> log_;  // appended and not committed
  std::optional<protocol::GroupMetadataValue> committed_;
  std::vector<std::string> ids_;
  std::set<Token> asked_;
  std::set<Token> answered_;
  std::map<int32_t, std::string> rounds_;  // the assignment that members of a generation were given
};

// Property: whatever members, time, failures, crashes and reloads do in whatever order: no request is answered twice,
// generations never go back but by a crash, all members of one generation live by one assignment, the state holds what state.h
// says, and when everybody falls silent nobody is left waiting. Fails, for example, when a SyncGroup is answered before its
// record is committed: after the crash the generation is given out again.
TEST(GroupModel, random_interleavings) {
  Reached reached;
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed, reached);
    for (int step = 0; step < 300; ++step) {
      model.step();
      ASSERT_FALSE(testing::Test::HasFailure());
    }
    model.end();
    ASSERT_FALSE(testing::Test::HasFailure());
  }
  // Each way a group's life can turn was taken, many times.
  EXPECT_GT(reached.sessions_ended, 100u);
  EXPECT_GT(reached.joins_cut_off, 100u);
  EXPECT_GT(reached.syncs_cut_off, 100u);
  EXPECT_GT(reached.leaves, 100u);
  EXPECT_GT(reached.statics_back, 100u);
  EXPECT_GT(reached.fenced, 100u);
  EXPECT_GT(reached.failed_writes, 100u);
  EXPECT_GT(reached.late_writes, 100u);
  EXPECT_GT(reached.crashes, 100u);
  EXPECT_GT(reached.crashes_in_a_write, 100u);
  EXPECT_GT(reached.reloads_with_members, 100u);
  EXPECT_GT(reached.assignments, 1000u);
  EXPECT_GT(reached.emptied, 100u);
}

}  // namespace
}  // namespace weir::coordinator::group
