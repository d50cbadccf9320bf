// What the creation of many logs at once promises.
#include <memory>
#include <gtest/gtest.h>

#include "weir/storage/log_manager.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;
using runtime::SimWorld;

constexpr int kManyLogs = 20;

LogManagerOptions one_dir() { return {.dirs = {"/d"}, .cluster_id = "c1", .node_id = BrokerId(1)}; }

std::vector<LogManager::NewLog> many_logs() {
  std::vector<LogManager::NewLog> wanted;
  for (int i = 0; i < kManyLogs; ++i) {
    wanted.push_back({"orders", PartitionIndex(i), Uuid{5, 6}, {.flush_on_ack = true}, LogManager::Existence::kMayExist});
  }
  return wanted;
}

// What the world outside has been told.
struct Told {
  bool created = false;
  int64_t durable = 0;   // of partition 3
};

// Opens, asks for all logs, appends to one of them. Returns what is wrong.
Task<std::string> one_life(runtime::Environment* env, Told* told) {
  const auto properties = co_await read_meta_properties(env->disk, "/d");
  if (!properties || !*properties) {
    const auto made = co_await env->disk.create_directories("/d");
    const auto written = co_await write_meta_properties(env->disk, "/d", {1, "c1", BrokerId(1), Uuid{1, 2}});
    if (!made || !written) co_return "cannot format";
  }
  auto manager = co_await LogManager::open(*env, one_dir());
  if (!manager) co_return manager.error().describe();
  const auto loaded = co_await (*manager)->load();
  if (!loaded) co_return loaded.error().describe();
  if (told->created && (*manager)->logs().size() != kManyLogs) co_return "logs that were created are gone";
  for (const FoundLog& found : (*manager)->logs()) {
    if (told->created && found.topic_id != Uuid{5, 6}) co_return "a log that was created has no topic id";
  }
  const auto logs = co_await (*manager)->create_logs(many_logs());
  for (const auto& log : logs) {
    if (!log) co_return log.error().describe();
  }
  told->created = true;
  Log* const log = *logs[3];
  if (log->end_offset() < Offset(told->durable)) co_return "acknowledged records are gone";
  for (int i = 0; i < 3; ++i) {
    const auto appended = log->append(make_batch({}), client());
    if (!appended) co_return appended.error().describe();
    const auto durable = co_await log->durable(log->end_offset(), Deadline::never());
    if (!durable) co_return durable.error().describe();
    told->durable = log->end_offset().value();
  }
  co_return "";
}

// Property: whenever the power goes, logs that were answered as created are there with their topic id, what was acknowledged in
// them is there, and nothing is left that keeps them from being created again. Fails when the names or partition.metadata are
// not durable before the answer, or when a crash can leave half a partition.metadata.
TEST(CreateLogs, created_logs_survive_power_cuts) {
  bool cut_before = false;
  bool cut_after = false;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    SimWorld world(seed);
    runtime::SimNode& node = world.add_node("broker");
    runtime::Environment environment = node.environment();
    Prng prng = world.stream("test", "cut");
    node.disk().options().writeback_percent = static_cast<unsigned>(prng.below(60));
    Told told;
    for (int life = 0; life < 3; ++life) {
      const auto over = std::make_shared<bool>(false);  // the accident may be due after this life
      world.at(Duration(prng.between(100'000, 120'000'000)), [&world, &node, over] {
        if (!*over) world.crash(node, runtime::LoseUnsynced::kBySeed);
      });
      const std::optional<std::string> wrong = world.try_run(node, one_life(&environment, &told));
      *over = true;
      if (wrong) ASSERT_EQ(*wrong, "") << "seed " << seed << " life " << life;
      (told.created ? cut_after : cut_before) = true;
      world.crash(node, runtime::LoseUnsynced::kBySeed);
      world.restart(node);
    }
    const std::optional<std::string> wrong = world.try_run(node, one_life(&environment, &told));
    ASSERT_TRUE(wrong && wrong->empty()) << "seed " << seed << ": " << wrong.value_or("did not end");
  }
  EXPECT_TRUE(cut_before && cut_after);
}

Task<void> mixed(runtime::Environment* env) {
  EXPECT_TRUE(co_await env->disk.create_directories("/d"));
  EXPECT_TRUE(co_await write_meta_properties(env->disk, "/d", {1, "c1", BrokerId(1), Uuid{1, 2}}));
  auto manager = co_await LogManager::open(*env, one_dir());
  EXPECT_TRUE(co_await (*manager)->load());
  const auto there = co_await (*manager)->create_log("orders", PartitionIndex(2), Uuid{5, 6}, {});
  std::vector<LogManager::NewLog> wanted = many_logs();
  wanted[4].topic_id = Uuid{7, 8};
  wanted[5].topic = "no/pe";
  wanted[6].partition = PartitionIndex(7);   // twice
  wanted[2].topic_id = Uuid{9, 9};
  wanted[8].partition = PartitionIndex(2);
  const auto logs = co_await (*manager)->create_logs(wanted);
  EXPECT_EQ(logs.size(), wanted.size());
  EXPECT_EQ(logs[2].error().code(), ErrorCode::kInconsistentTopicId);
  EXPECT_EQ(logs[5].error().code(), ErrorCode::kInvalidTopicException);
  EXPECT_TRUE(logs[6] && logs[7] && *logs[6] == *logs[7]);
  EXPECT_TRUE(logs[8] && *logs[8] == *there);
  EXPECT_EQ((*manager)->topic_id("orders", PartitionIndex(4)), (Uuid{7, 8}));
  EXPECT_EQ((*manager)->logs().size(), static_cast<size_t>(kManyLogs) - 3);
  EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
}

// Property: each log of a batch has its own answer, in order; those that fail or are there already cost the others nothing.
TEST(CreateLogs, one_answer_each) {
  SimWorld world(1);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, mixed(&environment));
}

}  // namespace
}  // namespace weir::storage
