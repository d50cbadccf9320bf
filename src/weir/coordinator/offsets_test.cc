#include "weir/coordinator/offsets.h"

#include <gtest/gtest.h>

#include "weir/coordinator/group/machine.h"
#include "weir/protocol/encode.h"
#include "weir/protocol/internal/consumer_protocol_subscription.h"

namespace weir::coordinator {
namespace {

constexpr int64_t kRetentionMs = 1'000;

SharedBytes subscription_to(const std::vector<std::string>& topics) {
  protocol::FrameWriter out;
  out.integer(int16_t{0});
  EXPECT_TRUE(protocol::encode(out, protocol::ConsumerProtocolSubscription{.topics = topics}, 0).has_value());
  return std::move(out).join();
}

// Positions 0 and 1 of "a" and 0 of "b", committed at 100, 200 and 300.
Offsets three_positions() {
  Offsets offsets;
  const auto put = [&](const char* topic, int32_t partition, TimestampMs at) {
    offsets.apply({{topic, PartitionIndex(partition)}, CommittedOffset{.offset = Offset(7), .commit_time = at}});
  };
  put("a", 0, 100);
  put("a", 1, 200);
  put("b", 0, 300);
  return offsets;
}

group::GroupState group_in(group::Phase phase, TimestampMs since, std::optional<std::string> type = "consumer") {
  group::GroupState state;
  state.id = "g";
  state.phase = phase;
  state.phase_since_ms = since;
  state.protocol_type = std::move(type);
  return state;
}

void add_member(group::GroupState& state, const std::string& id, SharedBytes metadata, std::optional<std::string> instance = {}) {
  group::Member& member = state.members[id];
  member.id = id;
  member.instance_id = std::move(instance);
  member.protocols = {{"range", std::move(metadata)}};
  if (member.instance_id) state.static_members[*member.instance_id] = id;
  state.protocol = "range";
  state.leader = state.members.begin()->first;
}

size_t due_at(const group::GroupState& state, const Offsets& offsets, TimestampMs now) {
  return expired(state, offsets, kRetentionMs, now).size();
}

// Property: count() is the number of positions through changes, repeats and removals, and nothing is left of a topic without any.
TEST(Offsets, count) {
  Offsets offsets = three_positions();
  EXPECT_EQ(offsets.count(), 3u);
  offsets.apply({{"a", PartitionIndex(0)}, CommittedOffset{.offset = Offset(9)}});
  EXPECT_EQ(offsets.count(), 3u);
  EXPECT_EQ(offsets.find("a", PartitionIndex(0))->offset, Offset(9));
  offsets.apply({{"b", PartitionIndex(0)}, std::nullopt});
  offsets.apply({{"b", PartitionIndex(0)}, std::nullopt});
  offsets.apply({{"c", PartitionIndex(0)}, std::nullopt});
  EXPECT_EQ(offsets.count(), 2u);
  EXPECT_FALSE(offsets.topics().contains("b"));
  EXPECT_EQ(offsets.find("b", PartitionIndex(0)), nullptr);
  EXPECT_EQ(offsets.find("a", PartitionIndex(2)), nullptr);
}

// Property: a position is not found for another topic of the same name, and one whose topic is not known fits any. Fails when the
// positions of a deleted topic are given to who reads the new one: it would begin in the middle.
TEST(Offsets, are_of_one_topic) {
  const Uuid old_topic{1, 1};
  const Uuid new_topic{2, 2};
  Offsets offsets;
  offsets.apply({{"a", PartitionIndex(0)}, CommittedOffset{.offset = Offset(7), .topic_id = old_topic}});
  offsets.apply({{"a", PartitionIndex(1)}, CommittedOffset{.offset = Offset(8)}});
  EXPECT_NE(offsets.find("a", old_topic, PartitionIndex(0)), nullptr);
  EXPECT_EQ(offsets.find("a", new_topic, PartitionIndex(0)), nullptr);
  EXPECT_NE(offsets.find("a", kZeroUuid, PartitionIndex(0)), nullptr);
  EXPECT_NE(offsets.find("a", new_topic, PartitionIndex(1)), nullptr);
}

// Property (KIP-211): positions of an empty group go together, a retention after the group became empty, whenever committed.
TEST(OffsetsExpiry, empty_group_counts_from_when_it_became_empty) {
  const group::GroupState empty = group_in(group::Phase::kEmpty, 5'000);
  EXPECT_EQ(due_at(empty, three_positions(), 5'999), 0u);
  EXPECT_EQ(due_at(empty, three_positions(), 6'000), 3u);
}

// Property: where an old record does not say since when a group is empty, each position goes by its own commit.
TEST(OffsetsExpiry, empty_group_of_an_old_record_counts_from_the_commit) {
  const group::GroupState empty = group_in(group::Phase::kEmpty, kNoTimestamp);
  EXPECT_EQ(due_at(empty, three_positions(), 1'099), 0u);
  EXPECT_EQ(due_at(empty, three_positions(), 1'100), 1u);
  EXPECT_EQ(due_at(empty, three_positions(), 1'300), 3u);
}

// Property: a group that never had members goes by each commit: its time in Empty says nothing.
TEST(OffsetsExpiry, simple_group_counts_from_the_commit) {
  const group::GroupState simple = group_in(group::Phase::kEmpty, 9'000, std::nullopt);
  EXPECT_EQ(due_at(simple, three_positions(), 1'199), 1u);
  EXPECT_EQ(due_at(simple, three_positions(), 1'200), 2u);
}

// Property: of a stable consumer group only what no member reads goes, by its commit; of any other group with members nothing.
TEST(OffsetsExpiry, live_group_keeps_what_it_reads) {
  group::GroupState live = group_in(group::Phase::kStable, 0);
  add_member(live, "m1", subscription_to({"a"}));
  const std::vector<OffsetPlace> due = expired(live, three_positions(), kRetentionMs, 1'000'000);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].topic, "b");
  EXPECT_EQ(due_at(live, three_positions(), 1'299), 0u);
  add_member(live, "m2", subscription_to({"b"}), "static");
  EXPECT_EQ(due_at(live, three_positions(), 1'000'000), 0u) << "a static member counts, also while it is away";
  live.phase = group::Phase::kPreparingRebalance;
  live.members.erase("m2");
  EXPECT_EQ(due_at(live, three_positions(), 1'000'000), 0u) << "who reads what is not known while it rebalances";
}

// Property: where the members' metadata cannot be read nothing goes; nor for a group that is not of consumers.
TEST(OffsetsExpiry, unreadable_subscriptions_keep_everything) {
  group::GroupState live = group_in(group::Phase::kStable, 0);
  add_member(live, "m1", SharedBytes::copy_of(as_bytes("?")));
  EXPECT_EQ(due_at(live, three_positions(), 1'000'000), 0u);
  group::GroupState connect = group_in(group::Phase::kStable, 0, "connect");
  add_member(connect, "m1", subscription_to({"a"}));
  EXPECT_EQ(due_at(connect, three_positions(), 1'000'000), 0u);
  EXPECT_EQ(due_at(group_in(group::Phase::kDead, 0), three_positions(), 1'000'000), 0u);
}

// Property: a retention that an old client asked for goes before all else, in the group's favour and against it.
TEST(OffsetsExpiry, own_retention) {
  Offsets offsets;
  offsets.apply({{"a", PartitionIndex(0)}, CommittedOffset{.offset = Offset(1), .commit_time = 0, .expire_time = 50}});
  offsets.apply({{"a", PartitionIndex(1)}, CommittedOffset{.offset = Offset(1), .commit_time = 0, .expire_time = 90'000}});
  const group::GroupState empty = group_in(group::Phase::kEmpty, 0);
  EXPECT_EQ(due_at(empty, offsets, 49), 0u);
  EXPECT_EQ(due_at(empty, offsets, 50), 1u);
  EXPECT_EQ(due_at(empty, offsets, 89'999), 1u);
  EXPECT_EQ(due_at(empty, offsets, 90'000), 2u);
}

// Property: a clock that was set back expires nothing early.
TEST(OffsetsExpiry, clock_set_back) { EXPECT_EQ(due_at(group_in(group::Phase::kEmpty, 5'000), three_positions(), -5'000), 0u); }

}  // namespace
}  // namespace weir::coordinator
