// When snapshots are written, with a quorum that only counts them.
#include "weir/metadata/snapshots.h"

#include <gtest/gtest.h>

#include "weir/runtime/sim/world.h"

namespace weir::metadata {
namespace {

using runtime::Task;

struct CountingQuorum final : raft::Quorum {
  explicit CountingQuorum(runtime::Executor& executor) : executor(executor) {}
  Offset next_offset() const override { return Offset(1); }
  LeaderEpoch epoch() const override { return LeaderEpoch(1); }
  Task<Result<Offset>> append(std::vector<Bytes>) override { co_return fail(ErrorCode::kInternal); }
  Task<Result<raft::SnapshotId>> write_snapshot(std::vector<Bytes>, TimestampMs) override {
    ++asked;
    const Result<void> slept = co_await runtime::sleep_until(executor, executor.now() + 10ms);
    WEIR_ASSERT(slept.has_value());
    if (is_full) co_return fail(ErrorCode::kNoSpace);
    bytes = 0;
    co_return raft::SnapshotId{Offset(1), LeaderEpoch(1)};
  }
  uint64_t bytes_since_snapshot() const override { return bytes; }
  raft::QuorumDescription describe() const override { return {}; }
  Task<Result<void>> close() override { co_return Result<void>(); }

  runtime::Executor& executor;
  uint64_t bytes = 0;
  int asked = 0;
  bool is_full = false;
};

Task<void> changes_come_and_go(runtime::Environment environment) {
  CountingQuorum quorum(environment.executor);
  ImagePublisher images(environment.executor, "cluster", BrokerId(1));
  Snapshots snapshots(environment, quorum, images, {.bytes = 1'000, .interval_ms = 0});
  const auto change = [&](uint64_t bytes) -> Task<void> {
    quorum.bytes += bytes;
    snapshots.on_committed();
    (void)co_await runtime::sleep_until(environment.executor, environment.executor.now() + 1ms);
  };
  for (int i = 0; i < 99; ++i) co_await change(10);
  EXPECT_EQ(quorum.asked, 0);
  for (int i = 0; i < 5; ++i) co_await change(10);
  EXPECT_EQ(quorum.asked, 1) << "one at a time";
  (void)co_await runtime::sleep_until(environment.executor, environment.executor.now() + 1s);
  EXPECT_EQ(quorum.bytes, 0u);

  quorum.is_full = true;
  for (int i = 0; i < 290; ++i) co_await change(10);
  (void)co_await runtime::sleep_until(environment.executor, environment.executor.now() + 1s);
  EXPECT_EQ(quorum.asked, 3) << "after each 1,000 bytes, not with each change";
  quorum.is_full = false;
  for (int i = 0; i < 100; ++i) co_await change(10);
  (void)co_await runtime::sleep_until(environment.executor, environment.executor.now() + 1s);
  EXPECT_EQ(quorum.asked, 4);
  EXPECT_LT(quorum.bytes, 1'000u) << "what came after it";
  co_await snapshots.stop();
  co_await change(5'000);
  EXPECT_EQ(quorum.asked, 4) << "none after the stop";
}

// Property: a snapshot is begun after so many bytes, one at a time, and one that failed is not begun anew with every change that
// follows. Fails when a full disk makes each change write a whole snapshot's worth.
TEST(Snapshots, are_begun_after_so_many_bytes) {
  runtime::SimWorld world(1);
  runtime::SimNode& node = world.add_node("node");
  world.run(node, changes_come_and_go(node.environment()));
}

}  // namespace
}  // namespace weir::metadata
