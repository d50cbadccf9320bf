// The driver of the groups: what it appends, what it answers when a disk is slow, and what is left after it begins anew.
#include "weir/coordinator/coordinator_fixture_test.h"
#include "weir/metadata/records.h"

namespace weir::coordinator {
namespace {

using runtime::SimNode;

struct Answer {
  std::optional<ErrorCode> code;
  MonoTime at;
};
Task<void> commit_one(CoordinatorKit* kit, Commit commit, Answer* answer) {
  const Result<void> stored = co_await kit->groups->commit(std::move(commit));
  *answer = {stored ? ErrorCode::kNone : stored.error().code(), kit->now()};
}
Task<void> sync_one(CoordinatorKit* kit, std::string group, std::string member, Answer* answer) {
  group::Sync event;
  event.member_id = std::move(member);
  event.generation = 1;
  const group::SyncReply reply = co_await kit->groups->sync(std::move(group), std::move(event), {});
  *answer = {reply.error, kit->now()};
}

// Property: each write that is not committed in offsets.commit.timeout.ms is answered then, also behind one that was given up
// before it; and all take effect when the disk comes round. Fails when only the first write of a partition has a clock: whoever
// waits behind it, a SyncGroup for example, hears nothing for as long as the disk is stuck.
TEST(GroupCoordinator, writes_behind_a_stuck_one_are_given_up_in_their_time) {
  with_coordinator([](CoordinatorKit& kit, SimNode& node) -> Task<void> {
    const Uuid topic = co_await kit.create_topic("t");
    const group::JoinReply joined = co_await kit.groups->join("members", CoordinatorKit::newcomer(), {});
    EXPECT_EQ(joined.error, ErrorCode::kNone);
    node.disk().options().sync_min = 60s;
    const MonoTime began = kit.now();
    runtime::TaskGroup waiting(kit.environment.executor);
    Answer first;
    Answer second;
    Answer third;
    waiting.spawn(&commit_one, &kit, CoordinatorKit::position("simple", "t", topic, 7), &first);
    co_await kit.pause(1s);
    waiting.spawn(&sync_one, &kit, std::string("members"), joined.member_id, &second);
    co_await kit.pause(1s);
    waiting.spawn(&commit_one, &kit, CoordinatorKit::position("other", "t", topic, 8), &third);
    EXPECT_TRUE(co_await waiting.join(Deadline::at(began + 30s)));
    const Answer* const answers[] = {&first, &second, &third};
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(answers[i]->code, ErrorCode::kCoordinatorNotAvailable) << i;
      EXPECT_GE(answers[i]->at, began + std::chrono::seconds(5 + i)) << i;
      EXPECT_LE(answers[i]->at, began + std::chrono::seconds(5 + i) + 100ms) << i;
    }
    node.disk().options().sync_min = 100us;
    co_await kit.pause(70s);
    for (const auto& [group, offset] : {std::pair("simple", 7), std::pair("other", 8)}) {
      const auto entry = kit.groups->find(group);
      EXPECT_TRUE(entry.has_value() && *entry != nullptr);
      if (!entry || *entry == nullptr) continue;
      const CommittedOffset* found = (*entry)->offsets.find("t", PartitionIndex(0));
      EXPECT_TRUE(found != nullptr && found->offset == Offset(offset)) << group;
    }
  });
}

// Property: a topic that is deleted while the groups of a partition are being loaded takes its positions with it. Fails when the
// deletion looks only at what is loaded already: who reads a new topic of that name would begin at the old one's position.
TEST(GroupCoordinator, a_topic_deleted_during_the_load_leaves_no_positions) {
  with_coordinator([](CoordinatorKit& kit, SimNode&) -> Task<void> {
    const Uuid topic = co_await kit.create_topic("t");
    const Uuid stays = co_await kit.create_topic("stays");
    EXPECT_TRUE(co_await kit.groups->commit(CoordinatorKit::position("g", "t", topic, 7)));
    EXPECT_TRUE(co_await kit.groups->commit(CoordinatorKit::position("g", "stays", stays, 8)));
    co_await kit.stop_groups();
    kit.groups = kit.make_groups();
    const metadata::ImageRef before = kit.metadata->image();
    co_await kit.metadata->subscribe(*kit.groups);
    EXPECT_EQ(kit.groups->find("g").error().code(), ErrorCode::kCoordinatorLoadInProgress);
    metadata::MetadataDelta delta(before);
    EXPECT_TRUE(delta.apply(protocol::RemoveTopicRecord{topic}, before->offset.next()));
    co_await kit.groups->on_metadata(delta, delta.finish());
    co_await kit.pause(1s);
    const auto entry = kit.groups->find("g");
    EXPECT_TRUE(entry.has_value() && *entry != nullptr);
    if (!entry || *entry == nullptr) co_return;
    EXPECT_EQ((*entry)->offsets.find("t", PartitionIndex(0)), nullptr);
    EXPECT_NE((*entry)->offsets.find("stays", PartitionIndex(0)), nullptr);
  });
}

// Property: deleting a topic takes its own positions, and none that were committed to a new topic of the same name meanwhile.
// Fails when positions go by name alone, or stay because the name is taken again.
TEST(GroupCoordinator, positions_go_with_their_topic_not_with_its_name) {
  with_coordinator([](CoordinatorKit& kit, SimNode&) -> Task<void> {
    const Uuid old_topic = co_await kit.create_topic("t");
    EXPECT_TRUE(co_await kit.groups->commit(CoordinatorKit::position("old", "t", old_topic, 7)));
    EXPECT_TRUE(co_await kit.groups->commit(CoordinatorKit::position("both", "t", old_topic, 7)));
    // Both at once, as when the deletion and the creation are committed together.
    const metadata::ImageRef before = kit.metadata->image();
    const Uuid new_topic{9, 9};
    metadata::MetadataDelta delta(before);
    EXPECT_TRUE(delta.apply(protocol::RemoveTopicRecord{old_topic}, before->offset.next()));
    EXPECT_TRUE(delta.apply(protocol::TopicRecord{"t", new_topic}, before->offset.next()));
    EXPECT_TRUE(co_await kit.groups->commit(CoordinatorKit::position("both", "t", new_topic, 1)));
    co_await kit.groups->on_metadata(delta, delta.finish());
    co_await kit.pause(1s);
    const auto both = kit.groups->find("both");
    EXPECT_TRUE(both.has_value() && *both != nullptr);
    if (!both || *both == nullptr) co_return;
    EXPECT_NE((*both)->offsets.find("t", new_topic, PartitionIndex(0)), nullptr);
    const auto old = kit.groups->find("old");
    EXPECT_TRUE(old.has_value() && (*old == nullptr || (*old)->offsets.empty()));
  });
}

// Property: a partition that could not be loaded is loaded when a client asks for its coordinator later. Fails when its groups
// are refused until somebody changes the metadata, which on a quiet cluster is never.
TEST(GroupCoordinator, a_failed_load_is_tried_again) {
  with_coordinator([](CoordinatorKit& kit, SimNode&) -> Task<void> {
    const Uuid topic = co_await kit.create_topic("t");
    EXPECT_TRUE(co_await kit.groups->commit(CoordinatorKit::position("g", "t", topic, 7)));
    co_await kit.stop_groups();
    // A coordinator that looks for its partition among others: it is not there.
    replication::PartitionManager elsewhere(kit.environment, *kit.logs, metadata::StaticConfig(), kSelf);
    MetricRegistry metrics;
    GroupCoordinator groups(kit.environment, *kit.metadata, elsewhere, kit.codecs, metrics, kSelf, kit.options);
    co_await kit.metadata->subscribe(groups);
    co_await kit.pause(100ms);
    EXPECT_EQ(groups.find("g").error().code(), ErrorCode::kNotCoordinator);
    EXPECT_TRUE((co_await groups.coordinator_of("g")).has_value());
    co_await kit.pause(100ms);
    EXPECT_EQ(groups.find("g").error().code(), ErrorCode::kNotCoordinator) << "not at once again";
    // The partition comes.
    kit.metadata->unsubscribe(*kit.partitions);
    kit.partitions->retire_all(ErrorCode::kNotLeaderOrFollower);
    co_await kit.metadata->subscribe(elsewhere);
    co_await kit.pause(11s);
    EXPECT_TRUE((co_await groups.coordinator_of("g")).has_value());
    co_await kit.pause(100ms);
    const auto entry = groups.find("g");
    EXPECT_TRUE(entry.has_value() && *entry != nullptr);
    kit.metadata->unsubscribe(groups);
    groups.resign();
    co_await groups.stop();
    kit.metadata->unsubscribe(elsewhere);
    elsewhere.retire_all(ErrorCode::kNotLeaderOrFollower);
  });
}

}  // namespace
}  // namespace weir::coordinator
