// What checkpoints promise while logs come and go.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "weir/runtime/task_group.h"
#include "weir/storage/checkpoint_file.h"
#include "weir/storage/log_manager.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/testing/faulty_disk.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;
using runtime::SimWorld;

constexpr int kLogs = 40;             // at least five parts of a checkpoint
constexpr int kBatches = 5;
constexpr int kStepsMax = 20;         // of the loop, from when a checkpoint begins: its parts take as many as eight
constexpr Duration kRename = 100ms;   // longer than a log takes to go and another one to come

Task<void> write_all(LogManager* manager) { EXPECT_TRUE(co_await manager->write_checkpoints()); }

Task<void> replace_meanwhile(runtime::Environment* env, std::string dir) {
  EXPECT_TRUE(co_await env->disk.create_directories(dir));
  EXPECT_TRUE(co_await write_meta_properties(env->disk, dir, {1, "c1", BrokerId(1), Uuid{1, 2}}));
  auto manager = co_await LogManager::open(*env, {.dirs = {dir}, .cluster_id = "c1", .node_id = BrokerId(1)});
  EXPECT_TRUE(manager && co_await (*manager)->load());
  std::vector<LogManager::NewLog> wanted;
  for (int i = 0; i < kLogs; ++i) wanted.push_back({"orders", PartitionIndex(i), Uuid{5, 6}, {.flush_on_ack = true}});
  for (const auto& log : co_await (*manager)->create_logs(std::move(wanted))) EXPECT_TRUE(log);
  for (int before = 0; before <= kStepsMax; ++before) {
    const PartitionIndex replaced(kLogs + before);   // one of which no checkpoint speaks yet
    const auto created = co_await (*manager)->create_log("orders", replaced, Uuid{6, 6}, {.flush_on_ack = true});
    EXPECT_TRUE(created);
    Log* log = *created;
    for (int i = 0; i < kBatches; ++i) EXPECT_TRUE(log->append(make_batch({}), client()));
    EXPECT_TRUE(co_await log->flush());
    EXPECT_EQ(log->recovery_point(), log->end_offset());
    log->note_high_watermark(log->end_offset());
    runtime::TaskGroup group(env->executor);
    group.spawn(&write_all, manager->get());
    for (int i = 0; i < before; ++i) co_await runtime::yield(env->executor);
    EXPECT_TRUE(co_await (*manager)->delete_log("orders", replaced));
    const auto again = co_await (*manager)->create_log("orders", replaced, Uuid{7, static_cast<uint64_t>(before)}, {.flush_on_ack = true});
    EXPECT_TRUE(again);
    EXPECT_TRUE(co_await group.join());
    for (const char* file : {"/recovery-point-offset-checkpoint", "/replication-offset-checkpoint"}) {
      const auto rows = co_await read_checkpoint(env->disk, dir + file);
      EXPECT_TRUE(rows);
      const auto row = rows->find({"orders", replaced});
      EXPECT_TRUE(row == rows->end() || row->second == Offset(0)) << file << " after " << before << " steps: " << row->second.value();
      EXPECT_GE(rows->size(), kLogs - 1u) << file << " after " << before << " steps";
    }
  }
  EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
}

// Property: whenever a log goes and another one of its name comes while checkpoints are collected, a part of the logs a turn, and
// written, no checkpoint says of the new log what was true of the old one, and none forgets the others. Fails when who makes
// a log does not wait for the checkpoint under way: after a crash records of the new log would count as synced that are not.
TEST(LogManagerCheckpoints, never_speak_of_a_log_that_is_gone) {
  SimWorld world(1);
  runtime::SimNode& node = world.add_node("broker");
  for (const std::string_view slow : {"?", "/recovery-point-offset-checkpoint", "/replication-offset-checkpoint"}) {
    runtime::Environment environment = node.environment();
    FaultyDisk disk(environment.disk);
    disk.executor = &environment.executor;
    disk.slow_rename_to_ends_with = slow;
    disk.rename_time = kRename;
    runtime::Environment slowed = with_disk(environment, disk);
    world.run(node, replace_meanwhile(&slowed, fmt::format("/{}", slow.size())));
  }
}

}  // namespace
}  // namespace weir::storage
