// What a node's log directories promise across starts and stops.
#include "weir/storage/log_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/storage/checkpoint_file.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/partition_metadata.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using runtime::SimWorld;

constexpr PartitionIndex kP0{0};

LogManagerOptions two_dirs() { return {.dirs = {"/d1", "/d2"}, .cluster_id = "c1", .node_id = BrokerId(1)}; }

Task<void> format(runtime::Environment& env, std::string dir, MetaProperties properties) {
  EXPECT_TRUE(co_await env.disk.create_directories(dir));
  EXPECT_TRUE(co_await write_meta_properties(env.disk, dir, properties));
}

template <typename Body>
void with_world(uint64_t seed, Body body) {
  SimWorld world(seed);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, body(environment));
}

Task<void> start_stop_start(runtime::Environment& env) {
  const Uuid id{5, 6};
  co_await format(env, "/d1", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 2}});
  {
    auto manager = co_await LogManager::open(env, two_dirs());
    EXPECT_TRUE(manager) << manager.error().describe();
    if (!manager) co_return;
    EXPECT_FALSE((*manager)->directories()[0].was_clean);
    EXPECT_EQ((*manager)->directories()[0].id, (Uuid{1, 2}));
    EXPECT_FALSE((*manager)->directories()[1].id.is_zero());
    EXPECT_TRUE(co_await (*manager)->load());
    auto log = co_await (*manager)->create_log("orders", kP0, id, {});
    EXPECT_TRUE(log);
    auto gone = co_await (*manager)->create_log("gone", kP0, Uuid{7, 8}, {});
    EXPECT_TRUE(gone);
    EXPECT_NE((*manager)->directory_of("orders", kP0), (*manager)->directory_of("gone", kP0));
    EXPECT_EQ((co_await (*manager)->create_log("orders", kP0, Uuid{9, 9}, {})).error().code(), ErrorCode::kInconsistentTopicId);
    EXPECT_EQ(*co_await (*manager)->create_log("orders", kP0, id, {}), *log);
    EXPECT_EQ((co_await (*manager)->create_log("no/pe", kP0, id, {})).error().code(), ErrorCode::kInvalidTopicException);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
    (*log)->note_high_watermark(Offset(8));
    EXPECT_TRUE(co_await (*manager)->delete_log("gone", kP0));
    EXPECT_EQ((*manager)->find("gone", kP0), nullptr);
    auto again = co_await (*manager)->create_log("gone", kP0, Uuid{7, 9}, {});
    EXPECT_TRUE(again && (*again)->end_offset() == Offset(0));
    EXPECT_TRUE(co_await (*manager)->delete_log("gone", kP0));
    EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(42)));
  }
  auto manager = co_await LogManager::open(env, two_dirs());
  EXPECT_TRUE((*manager)->directories()[0].was_clean);
  EXPECT_EQ((*manager)->directories()[1].previous_broker_epoch, 42);
  EXPECT_EQ((co_await env.disk.stat("/d1/.kafka_cleanshutdown")).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(co_await (*manager)->load());
  EXPECT_EQ((*manager)->logs().size(), 1u);
  Log* log = (*manager)->find("orders", kP0);
  EXPECT_NE(log, nullptr);
  EXPECT_EQ(log->end_offset(), Offset(10));
  EXPECT_EQ(log->noted_high_watermark(), Offset(8));
  EXPECT_EQ((*manager)->topic_id("orders", kP0), id);
  auto slept = co_await runtime::sleep_until(env.executor, env.executor.now() + 1s);
  EXPECT_TRUE(slept);
  for (const char* dir : {"/d1", "/d2"}) {
    for (const auto& entry : *co_await env.disk.list(dir)) EXPECT_FALSE(entry.name.ends_with("-delete")) << entry.name;
  }
  EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(43)));
}
// Property: what was created is found again with its topic id, records and high watermark; what was deleted is gone, also when
// the node stops before the files are; the marker tells the broker epoch; a new directory gets a meta.properties.
TEST(LogManager, starts_where_it_stopped) {
  for (uint64_t seed = 0; seed < 5; ++seed) with_world(seed, start_stop_start);
}

Task<void> refusals(runtime::Environment& env) {
  const auto refused = [&](LogManagerOptions options) -> Task<Error> {
    auto manager = co_await LogManager::open(env, std::move(options));
    EXPECT_FALSE(manager);
    co_return manager ? Error(ErrorCode::kNone) : manager.error();
  };
  Error error = co_await refused(two_dirs());
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.message(), HasSubstr("/d1"));
  EXPECT_EQ((co_await env.disk.stat("/d1")).error().code(), ErrorCode::kNotFound);

  co_await format(env, "/d1", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 2}});
  co_await format(env, "/d2", {.cluster_id = "c2", .node_id = BrokerId(1), .directory_id = Uuid{1, 3}});
  error = co_await refused(two_dirs());
  EXPECT_EQ(error.code(), ErrorCode::kInconsistentClusterId);
  EXPECT_THAT(error.message(), HasSubstr("/d2 belongs to cluster c2"));
  co_await format(env, "/d2", {.cluster_id = "c1", .node_id = BrokerId(4), .directory_id = Uuid{1, 3}});
  error = co_await refused(two_dirs());
  EXPECT_EQ(error.code(), ErrorCode::kInvalidConfig);
  EXPECT_THAT(error.message(), HasSubstr("node 4"));
  co_await format(env, "/d2", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 2}});
  error = co_await refused(two_dirs());
  EXPECT_EQ(error.code(), ErrorCode::kInvalidConfig);
  EXPECT_THAT(error.message(), HasSubstr("copy"));
  EXPECT_TRUE(co_await runtime::write_file_atomically(env.disk, "/d2/meta.properties", to_bytes("hello")));
  error = co_await refused(two_dirs());
  EXPECT_EQ(error.code(), ErrorCode::kMalformedFile);
  EXPECT_THAT(error.message(), HasSubstr("/d2/meta.properties"));
  co_await format(env, "/d2", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 3}});
  auto manager = co_await LogManager::open(env, two_dirs());
  EXPECT_TRUE(manager);
  error = co_await refused(two_dirs());
  EXPECT_EQ(error.code(), ErrorCode::kLocked);
  EXPECT_THAT(error.message(), HasSubstr("process"));
}
// Property: each refusal names the directory and what is wrong, and changes nothing.
TEST(LogManager, refuses_with_a_sentence) { with_world(1, refusals); }

Task<void> second_is_locked(runtime::Environment& env) {
  co_await format(env, "/d1", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 2}});
  {
    auto manager = co_await LogManager::open(env, two_dirs());
    EXPECT_TRUE(co_await (*manager)->load());
    EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
  }
  const auto taken = co_await env.disk.lock("/d2/.lock");
  EXPECT_EQ((co_await LogManager::open(env, two_dirs())).error().code(), ErrorCode::kLocked);
  EXPECT_TRUE(co_await env.disk.stat("/d1/.kafka_cleanshutdown"));
}
// Property: a start that is refused for one directory leaves the others as they were. Fails when their clean markers go: the next
// start then recovers everything in them.
TEST(LogManager, a_refused_start_takes_no_clean_marker) { with_world(6, second_is_locked); }

// Property: below the disk reserve clients are refused and housekeeping goes on; with space again they are served.
TEST(LogManager, keeps_a_reserve) {
  SimWorld world(2);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  const auto body = [](runtime::Environment& env, runtime::SimNode& broker) -> Task<void> {
    co_await format(env, "/d1", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 2}});
    auto manager = co_await LogManager::open(env, {.dirs = {"/d1"}, .node_id = BrokerId(1), .disk_reserve_bytes = 1 << 20});
    EXPECT_TRUE(co_await (*manager)->load());
    auto log = co_await (*manager)->create_log("orders", kP0, Uuid{5, 6}, {});
    broker.disk().options().capacity_bytes = broker.disk().used_bytes() + (1 << 19);
    auto slept = co_await runtime::sleep_until(env.executor, env.executor.now() + 3s);
    EXPECT_EQ((*log)->append(make_batch({}), client()).error().code(), ErrorCode::kKafkaStorageError);
    EXPECT_TRUE((*log)->append(make_batch({}), coordinator()));
    broker.disk().options().capacity_bytes = 1ull << 40;
    // Who tries all the time must not be what keeps it refusing.
    bool taken = false;
    for (int i = 0; i < 30 && !taken; ++i) {
      slept = co_await runtime::sleep_until(env.executor, env.executor.now() + 100ms);
      taken = (*log)->append(make_batch({}), client()).has_value();
    }
    EXPECT_TRUE(taken);
    EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
  };
  world.run(node, body(environment, node));
}

Task<void> write_text(runtime::Environment& env, std::string path, std::string text) {
  EXPECT_TRUE(co_await runtime::write_file_atomically(env.disk, path, to_bytes(text)));
}

Task<void> one_begins_anew(runtime::Environment& env) {
  co_await format(env, "/d1", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 2}});
  LogManagerOptions options{.dirs = {"/d1"}, .node_id = BrokerId(1)};
  options.recoveries_in_parallel_max = 1;
  {
    auto manager = co_await LogManager::open(env, options);
    EXPECT_TRUE(co_await (*manager)->load());
    for (const char* topic : {"aaa", "mmm", "zzz"}) {
      auto log = co_await (*manager)->create_log(topic, kP0, Uuid{5, 6}, {});
      for (int i = 0; i < 10; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
    }
    EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
  }
  EXPECT_TRUE(co_await env.disk.remove("/d1/.kafka_cleanshutdown"));
  co_await write_text(env, "/d1/log-start-offset-checkpoint", "0\n3\naaa 0 5\nmmm 0 50\nzzz 0 5\n");
  auto manager = co_await LogManager::open(env, options);
  EXPECT_TRUE(co_await (*manager)->load());
  EXPECT_EQ((*manager)->find("mmm", kP0)->start_offset(), Offset(50));
  EXPECT_EQ((*manager)->find("zzz", kP0)->start_offset(), Offset(5));
  EXPECT_EQ((*manager)->find("aaa", kP0)->start_offset(), Offset(5));
  EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(2)));
}
// Property: a log that begins anew at a start writes checkpoints, and the rows of the logs that are not loaded yet are still in
// them. Fails when they go: records that were deleted are there again, and everything is recovered.
TEST(LogManager, checkpoints_keep_what_is_not_loaded_yet) { with_world(3, one_begins_anew); }

Task<void> more_threads_than_logs(runtime::Environment& env) {
  co_await format(env, "/d1", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 2}});
  LogManagerOptions options{.dirs = {"/d1"}, .node_id = BrokerId(1)};
  options.recoveries_in_parallel_max = INT32_MAX;
  auto manager = co_await LogManager::open(env, options);
  EXPECT_TRUE(manager && co_await (*manager)->load());
  EXPECT_TRUE(co_await (*manager)->create_log("t", kP0, Uuid{5, 6}, {}));
  EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
  auto again = co_await LogManager::open(env, options);
  EXPECT_TRUE(again && co_await (*again)->load());
  EXPECT_NE((*again)->find("t", kP0), nullptr);
  EXPECT_TRUE(co_await (*again)->close(BrokerEpoch(2)));
}
// Property: num.recovery.threads.per.data.dir may be as large as it can be. Fails, by taking all memory, when that many are begun.
TEST(LogManager, more_threads_than_logs) { with_world(4, more_threads_than_logs); }

Task<void> twice_on_disk(runtime::Environment& env) {
  co_await format(env, "/d1", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 2}});
  co_await format(env, "/d2", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 3}});
  for (const char* dir : {"/d1/orders-0", "/d2/orders-0"}) {
    EXPECT_TRUE(co_await env.disk.create_directories(dir));
    co_await write_text(env, fmt::format("{}/partition.metadata", dir), format_partition_metadata(Uuid{5, 6}));
  }
  auto manager = co_await LogManager::open(env, two_dirs());
  EXPECT_TRUE(co_await (*manager)->load());
  EXPECT_EQ((*manager)->logs().size(), 1u);
  EXPECT_TRUE(co_await (*manager)->delete_log("orders", kP0));
  for (const char* dir : {"/d1/orders-0", "/d2/orders-0"}) {
    EXPECT_EQ((co_await env.disk.stat(dir)).error().code(), ErrorCode::kNotFound) << dir;
  }
  EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
}
// Property: of a partition that lies in two directories one log is served, and the other one is known and goes with its topic.
// Fails when both are loaded at once and the second takes the place of the first: a later start may serve the other one.
TEST(LogManager, a_partition_in_two_directories_is_served_once) {
  for (uint64_t seed = 0; seed < 10; ++seed) with_world(seed, twice_on_disk);
}

Task<void> after_the_close(runtime::Environment& env) {
  co_await format(env, "/d1", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 2}});
  auto manager = co_await LogManager::open(env, {.dirs = {"/d1"}, .node_id = BrokerId(1)});
  EXPECT_TRUE(co_await (*manager)->load());
  EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
  EXPECT_EQ((co_await (*manager)->create_log("orders", kP0, Uuid{5, 6}, {})).error().code(), ErrorCode::kKafkaStorageError);
  EXPECT_TRUE(co_await (*manager)->delete_log("orders", kP0));
}
// Property: who asks for a log after the close is refused. Fails when he waits for ever for the close to let him in.
TEST(LogManager, refuses_after_the_close) { with_world(4, after_the_close); }

Task<void> impossible_checkpoints(runtime::Environment& env) {
  co_await format(env, "/d1", {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = Uuid{1, 2}});
  for (const char* dir : {"/d1/orders-0", "/d1/orders-00"}) EXPECT_TRUE(co_await env.disk.create_directories(dir));
  for (const char* file : {"log-start-offset-checkpoint", "recovery-point-offset-checkpoint", "replication-offset-checkpoint"}) {
    co_await write_text(env, fmt::format("/d1/{}", file), "0\n1\norders 0 -5\n");
  }
  auto manager = co_await LogManager::open(env, {.dirs = {"/d1"}, .node_id = BrokerId(1)});
  EXPECT_TRUE(co_await (*manager)->load());
  EXPECT_EQ((*manager)->logs().size(), 1u);
  Log* log = (*manager)->find("orders", kP0);
  const auto appended = log->append(make_batch({}), client());
  EXPECT_TRUE(appended && appended->base_offset == Offset(0));
  EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
}
// Property: an offset below zero in a checkpoint counts as zero, and a directory that no partition's name gives is left alone.
// Fails when a log begins at such an offset: its first append asserts.
TEST(LogManager, passes_over_impossible_checkpoints) { with_world(5, impossible_checkpoints); }

}  // namespace
}  // namespace weir::storage
