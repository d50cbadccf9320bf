// The same code on real files: what the simulator cannot show is whether the system's calls do what we think.
// WEIR_KEEP_FILES=DIR leaves the directory there, for Kafka's DumpLogSegments.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "weir/runtime/real/process.h"
#include "weir/storage/log_manager.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;

constexpr int kRounds = 3;
constexpr int kBatches = 300;

Task<int> three_lives(runtime::Environment& env, std::string dir) {
  LogManagerOptions options{.dirs = {dir}, .cluster_id = "MkU3OEVBNTcwNTJENDM2Qg", .node_id = BrokerId(1)};
  options.defaults = {.segment_bytes = 64 << 10, .flush_on_ack = true};
  const auto made = co_await env.disk.create_directories(dir);
  EXPECT_TRUE(made);
  const auto written = co_await write_meta_properties(env.disk, dir, {1, options.cluster_id, BrokerId(1), env.random.uuid()});
  EXPECT_TRUE(written);
  const TimestampMs now = env.clock.wall_ms();
  Offset end;
  for (int round = 0; round < kRounds; ++round) {
    auto manager = co_await LogManager::open(env, options);
    EXPECT_TRUE(manager) << manager.error().describe();
    if (!manager) co_return 1;
    const auto second = co_await LogManager::open(env, options);
    EXPECT_EQ(second.error().code(), ErrorCode::kLocked);
    const auto loaded = co_await (*manager)->load();
    EXPECT_TRUE(loaded);
    auto log = co_await (*manager)->create_log("orders", PartitionIndex(0), Uuid{0x1122334455667788, 0x99aabbccddeeff00}, options.defaults);
    EXPECT_TRUE(log);
    EXPECT_EQ((*log)->end_offset(), end);
    for (int i = 0; i < kBatches; ++i) {
      const bool transactional = i % 50 == 20;
      const SharedBytes batch = make_batch({.records = 1 + i % 4, .value_bytes = static_cast<size_t>(i * 13 % 900), .timestamp = now + i,
                                            .producer_id = ProducerId(transactional ? 100 + i : 7), .producer_epoch = ProducerEpoch(static_cast<int16_t>(round)),
                                            .base_sequence = transactional ? 0 : -1, .is_transactional = transactional});
      const auto appended = (*log)->append(batch, coordinator(round, now));
      EXPECT_TRUE(appended) << appended.error().describe();
      if (transactional) {
        const auto kind = i % 100 == 20 ? record::ControlType::kAbort : record::ControlType::kCommit;
        EXPECT_TRUE((*log)->append(make_marker(kind, ProducerId(100 + i), ProducerEpoch(static_cast<int16_t>(round))), coordinator(round, now)));
      }
      if (i % 10 == 0) {
        const auto durable = co_await (*log)->durable((*log)->end_offset(), Deadline::never());
        EXPECT_TRUE(durable);
      }
    }
    const auto durable = co_await (*log)->durable((*log)->end_offset(), Deadline::never());
    EXPECT_TRUE(durable);
    Offset at{0};
    while (at < (*log)->end_offset()) {
      const auto read = co_await (*log)->read(at, (*log)->end_offset(), 10'000, true);
      EXPECT_TRUE(read && read->bytes > 0);
      if (!read || read->bytes == 0) co_return 1;
      EXPECT_EQ(spans(*read).back().second + 1, read->next_offset.value());
      at = read->next_offset;
    }
    end = (*log)->end_offset();
    const auto aborted = co_await (*log)->aborted_transactions(Offset(0), end);
    EXPECT_TRUE(aborted && aborted->size() == static_cast<size_t>((round + 1) * kBatches / 100));
    const auto closed = co_await (*manager)->close(BrokerEpoch(7));
    EXPECT_TRUE(closed);
  }
  co_return 0;
}

// Property: appends, rolls, rounds of syncs, reads, a lock against a second opener, and clean restarts work on the real disk.
TEST(RealDisk, keeps_a_log_through_restarts) {
  const char* keep = std::getenv("WEIR_KEEP_FILES");
  const std::string dir = keep != nullptr ? keep : ::testing::TempDir() + "weir-storage-" + std::to_string(::getpid());
  std::filesystem::remove_all(dir);
  {
    runtime::RealProcess process({.log_level = LogLevel::kWarning});
    EXPECT_EQ(process.run(&three_lives, dir), 0);
  }
  if (keep == nullptr) std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace weir::storage
