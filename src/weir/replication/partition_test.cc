// One partition over a real log on the simulator: what moves its high watermark, and who is woken by what.
#include "weir/replication/partition.h"

#include <gtest/gtest.h>

#include "weir/runtime/task_group.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::replication {
namespace {

using runtime::SimWorld;
using storage::testing::client;
using storage::testing::LogKit;
using storage::testing::make_batch;

constexpr BrokerId kSelf{1};
constexpr BrokerId kOther{2};
constexpr Uuid kTopicId{7, 8};

metadata::Partition role(BrokerId leader, int32_t epoch, std::vector<BrokerId> replicas = {kSelf}, std::vector<BrokerId> isr = {kSelf}) {
  metadata::Partition state;
  state.replicas = std::move(replicas);
  state.directories.resize(state.replicas.size());
  state.isr = std::move(isr);
  state.leader = leader;
  state.leader_epoch = LeaderEpoch(epoch);
  return state;
}

// Lives in the coroutine under test.
struct PartitionKit {
  PartitionKit(runtime::Environment& environment, runtime::SimNode& node) : env(environment), node(node), kit(environment) {}

  Task<void> open(bool flush_on_ack) {
    config.log.flush_on_ack = flush_on_ack;
    auto opened = co_await kit.open(config.log);
    WEIR_ASSERT(opened.has_value());
    log = std::move(*opened);
    partition = std::make_unique<Partition>(env, storage::TopicPartition{"orders", PartitionIndex(0)}, kTopicId, *log);
    partition->configure(config);
    partition->apply(role(kSelf, 0), kSelf);
  }
  Task<void> close() {
    partition->retire(ErrorCode::kNotLeaderOrFollower);
    co_await partition->unused();
    co_await log->abandon();
    partition.reset();
  }
  Offset append() {
    const auto appended = partition->append(make_batch({}), client(), -1);
    WEIR_ASSERT(appended.has_value());
    return appended->last_offset;
  }
  Deadline in(Duration time) const { return Deadline::at(env.executor.now() + time); }
  Task<void> pause(Duration time) { (void)co_await runtime::sleep_until(env.executor, env.executor.now() + time); }

  runtime::Environment& env;
  runtime::SimNode& node;
  LogKit kit;
  PartitionConfig config;
  std::unique_ptr<storage::Log> log;
  std::unique_ptr<Partition> partition;
};

template <typename Body>
void on_partition(Body body) {
  SimWorld world(1);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, body(environment, node));
}

struct Outcome {
  bool ended = false;
  ErrorCode code = ErrorCode::kNone;
};
Task<void> wait_committed(Partition* partition, Offset last, Deadline deadline, Outcome* outcome) {
  const PartitionRef held(partition);
  const Result<void> result = co_await partition->committed(last, partition->leader_epoch(), deadline);
  *outcome = {true, result ? ErrorCode::kNone : result.error().code()};
}
struct Watch final : PartitionWatch {
  void on_progress() override { ++calls; }
  int calls = 0;
};

// Property: without flush_on_ack a record is committed when it is written; with it only when it is durable, and nobody is shown it
// before. Fails when a consumer may see what a power cut takes back, or a producer waits for a flush it did not ask for.
TEST(Partition, high_watermark_follows_what_the_topic_asks_for) {
  on_partition([](runtime::Environment& env, runtime::SimNode& node) -> Task<void> {
    for (const bool flush : {false, true}) {
      PartitionKit kit(env, node);
      co_await kit.open(flush);
      Partition& partition = *kit.partition;
      node.disk().options().sync_min = 5s;
      const Offset before = partition.high_watermark();
      const Offset last = kit.append();
      EXPECT_EQ(partition.high_watermark(), before);
      EXPECT_TRUE(co_await kit.log->written(last.next(), kit.in(1s)));
      EXPECT_EQ(partition.high_watermark(), flush ? before : last.next()) << flush;
      const auto seen = co_await partition.fetch(before, Isolation::kReadUncommitted, 1000, true);
      EXPECT_TRUE(seen.has_value());
      EXPECT_EQ(seen->bytes == 0, flush);
      EXPECT_TRUE(co_await partition.committed(last, partition.leader_epoch(), kit.in(30s)));
      EXPECT_EQ(partition.high_watermark(), last.next());
      EXPECT_EQ(partition.last_stable_offset(), last.next());
      node.disk().options().sync_min = 100us;
      co_await kit.pause(10s);
      co_await kit.close();
    }
  });
}

// Property: committed() and written() end at their deadline with REQUEST_TIMED_OUT, and at once when there is nothing to wait for.
// Fails when a late disk keeps a producer longer than it asked.
TEST(Partition, waits_end_at_their_deadline) {
  on_partition([](runtime::Environment& env, runtime::SimNode& node) -> Task<void> {
    PartitionKit kit(env, node);
    co_await kit.open(true);
    node.disk().options().sync_min = 10s;
    const Offset last = kit.append();
    const MonoTime began = env.executor.now();
    const Result<void> committed = co_await kit.partition->committed(last, kit.partition->leader_epoch(), kit.in(2s));
    EXPECT_EQ(committed.error().code(), ErrorCode::kRequestTimedOut);
    EXPECT_GE(env.executor.now() - began, 2s);
    EXPECT_LE(env.executor.now() - began, 2100ms);
    const Result<void> written = co_await kit.partition->written(last, kit.partition->leader_epoch(), kit.in(0s));
    EXPECT_EQ(written.error().code(), ErrorCode::kRequestTimedOut);
    EXPECT_TRUE(co_await kit.partition->committed(last, kit.partition->leader_epoch(), kit.in(30s)));
    EXPECT_TRUE(co_await kit.partition->committed(last, kit.partition->leader_epoch(), kit.in(0s)));
    EXPECT_TRUE(co_await kit.partition->written(last, kit.partition->leader_epoch(), kit.in(0s)));
    co_await kit.close();
  });
}

// Property: retire() ends every wait with the reason given, tells the watches, and nothing is taken afterwards. Fails when somebody
// goes on waiting for a partition that is gone, or hears a reason that makes its client give up.
TEST(Partition, retire_wakes_everybody) {
  on_partition([](runtime::Environment& env, runtime::SimNode& node) -> Task<void> {
    PartitionKit kit(env, node);
    co_await kit.open(true);
    node.disk().options().sync_min = 10s;
    const Offset last = kit.append();
    runtime::TaskGroup waiters(env.executor);
    Outcome outcomes[3];
    for (Outcome& outcome : outcomes) waiters.spawn(&wait_committed, kit.partition.get(), last, Deadline::never(), &outcome);
    Watch watch;
    kit.partition->watch(watch);
    co_await kit.pause(100ms);
    kit.partition->retire(ErrorCode::kUnknownTopicOrPartition);
    EXPECT_EQ(watch.calls, 1);
    EXPECT_TRUE(co_await waiters.join(kit.in(1s)));
    for (const Outcome& outcome : outcomes) {
      EXPECT_TRUE(outcome.ended);
      EXPECT_EQ(outcome.code, ErrorCode::kUnknownTopicOrPartition);
    }
    EXPECT_FALSE(kit.partition->is_leader());
    EXPECT_EQ(kit.partition->append(make_batch({}), client(), 1).error().code(), ErrorCode::kUnknownTopicOrPartition);
    EXPECT_EQ(kit.partition->check_leader(kNoLeaderEpoch).error().code(), ErrorCode::kUnknownTopicOrPartition);
    kit.partition->retire(ErrorCode::kNotLeaderOrFollower);  // the first reason stays
    EXPECT_EQ(kit.partition->check_leader(kNoLeaderEpoch).error().code(), ErrorCode::kUnknownTopicOrPartition);
    co_await kit.close();
  });
}

Task<void> note_unused(Partition* partition, bool* unused) {
  co_await partition->unused();
  *unused = true;
}

// Property: a partition is unused only when the last reference to it is gone, however references are copied, moved and assigned.
// Fails when a log is deleted under a request, or a deletion waits for a reference that nobody holds.
TEST(Partition, references_keep_it) {
  on_partition([](runtime::Environment& env, runtime::SimNode& node) -> Task<void> {
    PartitionKit kit(env, node);
    co_await kit.open(false);
    runtime::TaskGroup tasks(env.executor);
    bool unused = false;
    {
      PartitionRef first(kit.partition.get());
      PartitionRef copy = first;
      PartitionRef moved = std::move(copy);
      EXPECT_FALSE(copy);
      PartitionRef& itself = moved;
      moved = itself;
      first = PartitionRef();
      kit.partition->retire(ErrorCode::kUnknownTopicOrPartition);
      tasks.spawn(&note_unused, kit.partition.get(), &unused);
      co_await kit.pause(1s);
      EXPECT_FALSE(unused);
      EXPECT_EQ(moved->topic_id(), kTopicId);
    }
    co_await kit.pause(1ms);
    EXPECT_TRUE(unused);
    co_await kit.close();
  });
}

// Property: only the leader of the epoch asked for serves; losing leadership ends waits with NOT_LEADER_OR_FOLLOWER. Fails when a
// stale client is served or a waiting producer is left to its timeout.
TEST(Partition, leadership_and_epochs) {
  on_partition([](runtime::Environment& env, runtime::SimNode& node) -> Task<void> {
    PartitionKit kit(env, node);
    co_await kit.open(true);
    Partition& partition = *kit.partition;
    partition.apply(role(kSelf, 3), kSelf);
    EXPECT_TRUE(partition.check_leader(kNoLeaderEpoch));
    EXPECT_TRUE(partition.check_leader(LeaderEpoch(3)));
    EXPECT_EQ(partition.check_leader(LeaderEpoch(2)).error().code(), ErrorCode::kFencedLeaderEpoch);
    EXPECT_EQ(partition.check_leader(LeaderEpoch(4)).error().code(), ErrorCode::kUnknownLeaderEpoch);
    node.disk().options().sync_min = 10s;
    const Offset last = kit.append();
    runtime::TaskGroup waiters(env.executor);
    Outcome outcome;
    waiters.spawn(&wait_committed, &partition, last, Deadline::never(), &outcome);
    Watch watch;
    partition.watch(watch);
    co_await kit.pause(100ms);
    partition.apply(role(kOther, 4, {kSelf, kOther}, {kOther}), kSelf);
    EXPECT_TRUE(co_await waiters.join(kit.in(1s)));
    EXPECT_EQ(outcome.code, ErrorCode::kNotLeaderOrFollower);
    EXPECT_GE(watch.calls, 1);
    EXPECT_EQ(partition.append(make_batch({}), client(), 1).error().code(), ErrorCode::kNotLeaderOrFollower);
    EXPECT_EQ(partition.leader(), kOther);
    co_await kit.pause(20s);
    co_await kit.close();
  });
}

// Property: what was appended in one leadership is never acknowledged in a later one, though its offset is below the high watermark
// by then: the record there may be another's. Fails when a wait looks only at the offset, or takes the epoch of the time when it
// begins to wait, which for the second partition of a request comes after the first one's acknowledgement.
TEST(Partition, a_later_leadership_acknowledges_nothing_of_an_earlier_one) {
  on_partition([](runtime::Environment& env, runtime::SimNode& node) -> Task<void> {
    PartitionKit kit(env, node);
    co_await kit.open(false);
    Partition& partition = *kit.partition;
    const LeaderEpoch epoch = partition.leader_epoch();
    const Offset last = kit.append();
    partition.apply(role(kOther, 1, {kSelf, kOther}, {kSelf, kOther}), kSelf);
    partition.apply(role(kSelf, 2), kSelf);
    co_await kit.pause(1s);
    EXPECT_GT(partition.high_watermark(), last);
    EXPECT_EQ((co_await partition.committed(last, epoch, kit.in(1s))).error().code(), ErrorCode::kNotLeaderOrFollower);
    partition.apply(role(kSelf, 3, {kSelf, kOther}, {kSelf, kOther}), kSelf);
    EXPECT_EQ((co_await partition.written(last, epoch, kit.in(1s))).error().code(), ErrorCode::kNotLeaderOrFollower);
    co_await kit.close();
  });
}

// Property: acks=all needs min.insync.replicas in sync, but never more than there are replicas; acks=1 does not. Fails when a topic
// of one replica with min.insync.replicas=2 cannot be written, or one of two is written without the second.
TEST(Partition, min_insync_replicas) {
  on_partition([](runtime::Environment& env, runtime::SimNode& node) -> Task<void> {
    PartitionKit kit(env, node);
    co_await kit.open(false);
    kit.config.min_insync_replicas = 2;
    kit.partition->configure(kit.config);
    EXPECT_TRUE(kit.partition->append(make_batch({}), client(), -1));
    kit.partition->apply(role(kSelf, 1, {kSelf, kOther}, {kSelf}), kSelf);
    EXPECT_EQ(kit.partition->append(make_batch({}), client(), -1).error().code(), ErrorCode::kNotEnoughReplicas);
    EXPECT_TRUE(kit.partition->append(make_batch({}), client(), 1));
    co_await kit.pause(1s);
    co_await kit.close();
  });
}

// Property: a failed flush ends every wait with KAFKA_STORAGE_ERROR, tells the watches, and the high watermark stays. Fails when an
// acknowledgement follows a flush that never happened.
TEST(Partition, a_failed_log_ends_waits) {
  on_partition([](runtime::Environment& env, runtime::SimNode& node) -> Task<void> {
    PartitionKit kit(env, node);
    co_await kit.open(true);
    const Offset first = kit.append();
    EXPECT_TRUE(co_await kit.partition->committed(first, kit.partition->leader_epoch(), kit.in(10s)));
    Watch watch;
    kit.partition->watch(watch);
    node.disk().options().sync_error_ppm = 1'000'000;
    const Offset last = kit.append();
    const Result<void> committed = co_await kit.partition->committed(last, kit.partition->leader_epoch(), kit.in(60s));
    EXPECT_EQ(committed.error().code(), ErrorCode::kKafkaStorageError);
    EXPECT_EQ(kit.partition->high_watermark(), first.next());
    EXPECT_GE(watch.calls, 1);
    EXPECT_EQ(kit.partition->append(make_batch({}), client(), 1).error().code(), ErrorCode::kKafkaStorageError);
    node.disk().options().sync_error_ppm = 0;
    co_await kit.close();
  });
}

// Property: turning flush_on_ack off commits what is written; turning it on never moves the high watermark back. Fails when a
// change of the topic's configuration leaves producers waiting or takes back what consumers saw.
TEST(Partition, flush_on_ack_may_change) {
  on_partition([](runtime::Environment& env, runtime::SimNode& node) -> Task<void> {
    PartitionKit kit(env, node);
    co_await kit.open(true);
    node.disk().options().sync_min = 10s;
    const Offset last = kit.append();
    EXPECT_TRUE(co_await kit.log->written(last.next(), kit.in(1s)));
    EXPECT_LT(kit.partition->high_watermark(), last.next());
    kit.config.log.flush_on_ack = false;
    kit.partition->configure(kit.config);
    EXPECT_EQ(kit.partition->high_watermark(), last.next());
    kit.config.log.flush_on_ack = true;
    kit.partition->configure(kit.config);
    EXPECT_EQ(kit.partition->high_watermark(), last.next());
    co_await kit.pause(30s);
    EXPECT_EQ(kit.log->durable_end(), last.next());
    co_await kit.close();
  });
}

}  // namespace
}  // namespace weir::replication
