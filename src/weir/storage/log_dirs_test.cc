// What a node's log directories promise across starts and stops.
#include "weir/storage/log_dirs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/storage/checkpoint_file.h"
#include "weir/storage/meta_properties.h"
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

}  // namespace
}  // namespace weir::storage
