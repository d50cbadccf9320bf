#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/prng.h"
#include "weir/raft/control_records.h"
#include "weir/raft/core.h"
#include "weir/raft/quorum.h"
#include "weir/raft/snapshot.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::raft {
namespace {

using runtime::Environment;
using runtime::SimNode;
using runtime::SimWorld;
using runtime::Task;

const Uuid kDirectory{0x1122334455664788, 0x99aabbccddeeff00};

// Property: leadership is asked to be persisted before anything else happens, in an epoch above every epoch seen; nothing is
// committed before a record of the new epoch is durable. Fails when an epoch is used twice or the high watermark moves early.
TEST(RaftCore, opens_a_new_epoch_and_commits_only_with_it) {
  for (int32_t voted_epoch : {0, 3, 9}) {
    Core core(BrokerId(1), kDirectory);
    ElectionState election;
    election.epoch = LeaderEpoch(voted_epoch);
    Core::Actions actions = core.start(election, LeaderEpoch(5), Offset(40));
    ASSERT_TRUE(actions.persist.has_value());
    EXPECT_EQ(core.role(), Role::kCandidate);
    EXPECT_EQ(actions.persist->epoch, LeaderEpoch(std::max(voted_epoch, 5) + 1));
    EXPECT_EQ(actions.persist->leader, BrokerId(1));
    EXPECT_EQ(actions.persist->voted, kNoBroker);
    EXPECT_FALSE(actions.open_epoch);

    actions = core.persisted();
    EXPECT_TRUE(actions.open_epoch);
    EXPECT_EQ(core.role(), Role::kLeader);
    EXPECT_FALSE(core.durable(Offset(40)).high_watermark_moved) << "records of older epochs do not commit by themselves";
    EXPECT_EQ(core.high_watermark(), Offset(0));
    core.appended(Offset(41));
    EXPECT_EQ(core.high_watermark(), Offset(0));
    EXPECT_TRUE(core.durable(Offset(41)).high_watermark_moved);
    EXPECT_EQ(core.high_watermark(), Offset(41));
  }
}

// Property: the bytes that Apache Kafka 4.3.1 left in its quorum-state files are read and written as they are; anything else is
// refused. Fails when a vote that Kafka wrote is misread, or half a file passes for a whole one.
TEST(QuorumState, reads_and_writes_kafkas_files) {
  const std::string v1 =
      R"({"leaderId":1,"leaderEpoch":7,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1})";
  const auto state = parse_quorum_state(v1);
  ASSERT_TRUE(state.has_value()) << state.error().message();
  EXPECT_EQ(state->epoch, LeaderEpoch(7));
  EXPECT_EQ(state->leader, BrokerId(1));
  EXPECT_EQ(format_quorum_state(*state, 1), v1);

  const std::string v0 =
      R"({"clusterId":"","leaderId":1,"leaderEpoch":2,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0})";
  const auto old = parse_quorum_state(v0);
  ASSERT_TRUE(old.has_value()) << old.error().message();
  EXPECT_THAT(old->voters, testing::ElementsAre(BrokerId(1)));
  EXPECT_EQ(format_quorum_state(*old, 0), v0);

  // Fields that nobody asks for and the order of those that are asked for mean nothing.
  const auto other = parse_quorum_state(R"({ "data_version": 0, "new": [true, {"a": null}], "votedId": 1, "leaderEpoch": 3, "leaderId": -1 })");
  ASSERT_TRUE(other.has_value()) << other.error().message();
  EXPECT_EQ(*other, (ElectionState{.epoch = LeaderEpoch(3), .voted = BrokerId(1)}));

  for (const char* broken :
       {"", "{", "{}", R"({"leaderId":1})", R"({"leaderId":"x","leaderEpoch":1,"votedId":1,"data_version":1})",
        R"({"leaderId":1,"leaderEpoch":1,"votedId":1,"data_version":2})",
        R"({"leaderId":1,"leaderEpoch":-9,"votedId":1,"data_version":1})",
        R"({"leaderId":1,"leaderEpoch":2147483647,"votedId":1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1})",
        R"({"leaderId":1,"leaderEpoch":2,"votedId":-1,"currentVoters":[{"voterId":4294967297}],"data_version":0})",
        R"({"leaderId":1,"leaderEpoch":2,"votedId":-1,"currentVoters":[{"voterId":1}],"data_version":0}{})",
        R"({"leaderId":1,"leaderEpoch":2,"votedId":-1,"currentVoters":[{"id":1}],"data_version":0})",
        R"({"leaderId":1,"leaderEpoch":2,"votedId":-1,"currentVoters":{"voterId":1},"data_version":0})"}) {
    EXPECT_FALSE(parse_quorum_state(broken).has_value()) << broken;
  }
}

// Property: the name of a snapshot is Kafka's, and no other file is taken for one.
TEST(Snapshot, names) {
  EXPECT_EQ(snapshot_file_name({Offset(342), LeaderEpoch(1)}), "00000000000000000342-0000000001.checkpoint");
  EXPECT_EQ(parse_snapshot_file_name("00000000000000000342-0000000001.checkpoint"), (SnapshotId{Offset(342), LeaderEpoch(1)}));
  for (const char* other : {"bootstrap.checkpoint", "00000000000000000342-0000000001.checkpoint.part", "00000000000000000342.log",
                            "0000000000000000034x-0000000001.checkpoint", "-0000000000000000342-000000001.checkpoint"}) {
    EXPECT_FALSE(parse_snapshot_file_name(other).has_value()) << other;
  }
}

// Property: size and checksum are those of the first batch of a metadata log that Apache Kafka 4.3.1 wrote (node 1, dynamic
// quorum): the checksum covers all but the offset, length and epoch before it.
TEST(ControlRecords, the_first_batch_is_kafkas) {
  const Uuid directory = *Uuid::parse("Qijjiiu9OKSrvGiwv8rZpg");
  const std::vector<Voter> voters{{BrokerId(1), directory, {{"CONTROLLER", "127.0.0.1", 27101}}}};
  const auto batch = leader_change_batch({Offset(0), LeaderEpoch(1), 0x1a213b654e7}, BrokerId(1), {BrokerId(1)}, &voters);
  ASSERT_TRUE(batch.has_value());
  ControlState state;
  const auto view = record::BatchView::parse(*batch);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->crc(), 0x08721c64u);
  EXPECT_EQ(view->size_bytes(), 174u);
  ASSERT_TRUE(read_control_batch(*view, state).has_value());
  EXPECT_EQ(state.kraft_version, 1);
  EXPECT_EQ(state.voters, voters);
}

// Remembers what the quorum hands over.
struct Recorder final : StateMachine {
  std::vector<std::string> values;
  Offset next{0};
  std::optional<SnapshotId> snapshot;

  Result<void> begin_snapshot(SnapshotId id, TimestampMs) override {
    values.clear();
    snapshot = id;
    next = id.end;
    return {};
  }
  Result<void> apply_snapshot(const std::vector<ByteView>& some) override {
    for (const ByteView value : some) values.emplace_back(as_text(value));
    return {};
  }
  Result<void> end_snapshot() override { return {}; }
  Result<void> apply(const CommittedBatch& batch) override {
    WEIR_ASSERT(batch.base_offset >= next, batch.base_offset, next);
    next = batch.base_offset;
    for (const ByteView value : batch.values) {
      values.emplace_back(as_text(value));
      next = next.next();
    }
    return {};
  }
  std::vector<Bytes> content() const {
    std::vector<Bytes> all;
    for (const std::string& value : values) all.push_back(to_bytes(value));
    return all;
  }
};

QuorumOptions options_of_node_1() {
  QuorumOptions options;
  options.dir = "/data";
  options.node_id = BrokerId(1);
  options.directory_id = kDirectory;
  options.listeners = {{"CONTROLLER", "localhost", 9093}};
  return options;
}

struct Seen {
  int snapshots_loaded = 0;
  std::vector<std::string> acknowledged;
  std::vector<std::string> asked;
  LeaderEpoch epoch{0};
};

// One life of the node: open, check against what was acknowledged, append until told to stop (or crashed).
Task<Result<void>> live(Environment environment, uint64_t seed, int appends, Seen* seen) {
  storage::testing::LogKit kit(environment);
  Recorder recorder;
  QuorumOptions options = options_of_node_1();
  options.retention_bytes = 2'000;
  WEIR_CO_TRY(const std::unique_ptr<Quorum> quorum, co_await Quorum::open(kit.services(), std::move(options), recorder));
  EXPECT_GT(quorum->epoch(), seen->epoch);
  seen->epoch = quorum->epoch();
  seen->snapshots_loaded += recorder.snapshot ? 1 : 0;
  // What was acknowledged is there, in order; what was only asked for may be there too.
  EXPECT_GE(recorder.values.size(), seen->acknowledged.size());
  EXPECT_LE(recorder.values.size(), seen->asked.size());
  for (size_t i = 0; i < recorder.values.size(); ++i) EXPECT_EQ(recorder.values[i], seen->asked[i]) << "seed " << seed;
  seen->acknowledged = seen->asked = recorder.values;

  Prng random(seed);
  for (int i = 0; i < appends; ++i) {
    std::vector<Bytes> values;
    const auto count = 1 + random.below(3);
    for (uint64_t k = 0; k < count; ++k) {
      seen->asked.push_back(fmt::format("{}-{}-{}", seed, i, k));
      values.push_back(to_bytes(seen->asked.back()));
    }
    const Offset expected = quorum->next_offset();
    WEIR_CO_TRY(const Offset last, co_await quorum->append(std::move(values)));
    EXPECT_EQ(last, expected + static_cast<int64_t>(count - 1));
    seen->acknowledged = seen->asked;
    EXPECT_EQ(recorder.values, seen->acknowledged);
    EXPECT_EQ(quorum->describe().high_watermark, last.next());
    if (random.chance(10)) WEIR_CO_CHECK(co_await quorum->write_snapshot(recorder.content(), environment.clock.wall_ms()));
  }
  co_return co_await quorum->close();
}

// Property: whatever was acknowledged is there after any crash with any loss of unsynced bytes, in order, snapshot or not;
// and every start has a new epoch. Fails when an append is acknowledged before it is synced, when a snapshot hides records
// that follow it, or when a vote is spoken before it is persisted.
TEST(Quorum, acknowledged_records_survive_crashes) {
  int snapshots_loaded = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SimWorld world(seed);
    SimNode& node = world.add_node("controller");
    Seen seen;
    Prng random(seed);
    for (uint64_t life = 0; life < 5; ++life) {
      const bool crash = random.chance(70);
      if (crash) {
        world.at(std::chrono::microseconds(random.below(60'000)), [&] {
          if (node.is_up()) world.crash(node);
        });
      }
      const auto finished = world.try_run(node, live(node.environment(), seed * 100 + life, 30, &seen), 60s);
      if (finished) {
        EXPECT_TRUE(finished->has_value()) << (finished->has_value() ? "" : finished->error().describe()) << " seed " << seed;
      }
      world.run_for(1s);
      if (node.is_up()) world.crash(node);
      world.restart(node);
    }
    EXPECT_FALSE(seen.acknowledged.empty()) << seed;
    snapshots_loaded += seen.snapshots_loaded;
  }
  EXPECT_GT(snapshots_loaded, 40);
}

Task<Result<std::vector<std::string>>> two_lives(Environment environment, QuorumOptions second) {
  {
    storage::testing::LogKit kit(environment);
    Recorder recorder;
    WEIR_CO_TRY(const auto quorum, co_await Quorum::open(kit.services(), options_of_node_1(), recorder));
    std::vector<Bytes> values;
    values.push_back(to_bytes("kept"));
    WEIR_CO_CHECK(co_await quorum->append(std::move(values)));
    WEIR_CO_CHECK(co_await quorum->close());
    EXPECT_EQ((co_await quorum->append({to_bytes("late")})).error().code(), ErrorCode::kUnavailable);
  }
  storage::testing::LogKit kit(environment);
  Recorder recorder;
  WEIR_CO_TRY(const auto quorum, co_await Quorum::open(kit.services(), std::move(second), recorder));
  co_return recorder.values;
}

// Property: a log whose voter is another node, or this one with another directory, is refused by a sentence that names it.
TEST(Quorum, refuses_a_directory_of_another_voter) {
  SimWorld world(1);
  SimNode& node = world.add_node("controller");
  QuorumOptions other = options_of_node_1();
  other.node_id = BrokerId(2);
  const auto outcome = world.run(node, two_lives(node.environment(), other));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code(), ErrorCode::kUnsupportedFeature);
  EXPECT_THAT(outcome.error().message(), testing::HasSubstr("node 1"));
}

Task<Result<void>> fail_a_flush(Environment environment, SimNode* node) {
  storage::testing::LogKit kit(environment);
  Recorder recorder;
  WEIR_CO_TRY(const auto quorum, co_await Quorum::open(kit.services(), options_of_node_1(), recorder));
  WEIR_CO_CHECK(co_await quorum->append({to_bytes("kept")}));
  node->disk().options().sync_error_ppm = 1'000'000;
  const Result<Offset> lost = co_await quorum->append({to_bytes("lost")});
  EXPECT_FALSE(lost.has_value());
  node->disk().options().sync_error_ppm = 0;
  const Result<Offset> late = co_await quorum->append({to_bytes("late")});
  EXPECT_FALSE(late.has_value());
  EXPECT_FALSE((co_await quorum->write_snapshot(recorder.content(), 0)).has_value());
  EXPECT_THAT(recorder.values, testing::ElementsAre("kept"));
  co_return co_await quorum->close();
}

// Property: after a failed flush nothing is decided, nothing is handed over, and closing says so. Fails when a failed flush is
// tried again and believed, or a quorum that has failed is taken for one that was stopped well.
TEST(Quorum, a_failed_flush_ends_it) {
  SimWorld world(3);
  SimNode& node = world.add_node("controller");
  const auto closed = world.run(node, fail_a_flush(node.environment(), &node));
  ASSERT_FALSE(closed.has_value());
  EXPECT_EQ(closed.error().code(), ErrorCode::kKafkaStorageError) << closed.error().describe();
}

Task<Result<QuorumDescription>> take_over_fixed_voters(Environment environment, std::string* state) {
  storage::testing::LogKit kit(environment);
  const std::string dir = "/data/__cluster_metadata-0";
  WEIR_CO_CHECK(co_await environment.disk.create_directories(dir));
  {
    WEIR_CO_TRY(const auto log, co_await storage::Log::open(kit.services(), dir, {}, {}));
    WEIR_CO_TRY(const Bytes batch, data_batch({Offset(0), LeaderEpoch(2), 0}, {to_bytes("old")}));
    const storage::AppendInfo info{LeaderEpoch(2), 0, storage::AppendOrigin::kRaftLeader};
    WEIR_CO_CHECK(log->append(SharedBytes::copy_of(batch), info));
    WEIR_CO_CHECK(co_await log->close());
  }
  ElectionState election;
  election.epoch = LeaderEpoch(2);
  election.voters = {BrokerId(1)};
  WEIR_CO_CHECK(co_await write_quorum_state(environment.disk, dir, election, 0));
  Recorder recorder;
  WEIR_CO_TRY(const auto quorum, co_await Quorum::open(kit.services(), options_of_node_1(), recorder));
  EXPECT_THAT(recorder.values, testing::ElementsAre("old"));
  const QuorumDescription description = quorum->describe();
  WEIR_CO_CHECK(co_await quorum->close());
  WEIR_CO_TRY(const Bytes written, co_await runtime::read_file(environment.disk, dir + "/quorum-state", 1 << 10));
  *state = as_text(written);
  co_return description;
}

// Property: a log that was made with a fixed voter set stays one of kraft.version 0, and says so. Fails when its file of votes is
// written in a form that the servers which made it do not read, or clients are told of a version that the quorum does not have.
TEST(Quorum, a_fixed_voter_set_stays) {
  SimWorld world(4);
  SimNode& node = world.add_node("controller");
  std::string state;
  const auto description = world.run(node, take_over_fixed_voters(node.environment(), &state));
  ASSERT_TRUE(description.has_value()) << description.error().describe();
  EXPECT_EQ(description->kraft_version, 0);
  EXPECT_EQ(description->epoch, LeaderEpoch(3));
  EXPECT_THAT(state, testing::HasSubstr(R"("currentVoters":[{"voterId":1}],"data_version":0)"));
}

// Property: a voter that is reached elsewhere now says so in the log, and nothing else changes.
TEST(Quorum, a_moved_listener_becomes_a_new_voter_record) {
  SimWorld world(2);
  SimNode& node = world.add_node("controller");
  QuorumOptions moved = options_of_node_1();
  moved.listeners = {{"CONTROLLER", "localhost", 9999}};
  const auto outcome = world.run(node, two_lives(node.environment(), moved));
  ASSERT_TRUE(outcome.has_value()) << outcome.error().describe();
  EXPECT_THAT(*outcome, testing::ElementsAre("kept"));
}

}  // namespace
}  // namespace weir::raft
