// Files that Apache Kafka wrote (tests/golden/storage): read as they are, and written again to the same bytes.
#include <gtest/gtest.h>

#include <map>

#include <fstream>
#include <iterator>

#include "weir/storage/checkpoint_file.h"
#include "weir/storage/clean_shutdown.h"
#include "weir/storage/leader_epoch_cache.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/partition_metadata.h"
#include "weir/storage/producer_state.h"
#include "weir/storage/segment_files.h"
#include "weir/storage/testing/log_kit.h"
#include "weir/storage/txn_index.h"

namespace weir::storage {
namespace {

using namespace testing;
using runtime::SimWorld;

Bytes golden(const std::string& name) {
  std::ifstream file(std::string(WEIR_SOURCE_DIR) + "/tests/golden/storage/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return to_bytes(text);
}
std::string golden_text(const std::string& name) { return std::string(as_text(golden(name))); }
std::string in_log(Offset base, std::string_view suffix) { return "golden-0/" + segment_file_name(base, suffix); }

// Property: every text file of Kafka's is understood, and ours has the same bytes.
TEST(Golden, text_files) {
  const auto meta = parse_meta_properties(golden_text("meta.properties"), "meta.properties");
  ASSERT_TRUE(meta) << meta.error().describe();
  EXPECT_EQ(meta->version, 1);
  EXPECT_EQ(meta->node_id, BrokerId(1));
  EXPECT_EQ(meta->cluster_id, "Z2EN3gvVyVvUfCs7lkVaUA");
  EXPECT_EQ(meta->directory_id.text(), "mrD0ZoSOpTPQi9XiOz_axQ");
  const auto again = parse_meta_properties(format_meta_properties(*meta), "ours");
  EXPECT_TRUE(again && again->cluster_id == meta->cluster_id && again->directory_id == meta->directory_id);

  const auto id = parse_partition_metadata(golden_text("golden-0/partition.metadata"));
  ASSERT_TRUE(id);
  EXPECT_EQ(format_partition_metadata(*id), golden_text("golden-0/partition.metadata"));

  const auto epochs = LeaderEpochCache::parse(golden_text("golden-0/leader-epoch-checkpoint"));
  ASSERT_TRUE(epochs);
  EXPECT_EQ(epochs->format(), golden_text("golden-0/leader-epoch-checkpoint"));

  const std::string marker = golden_text("kafka_cleanshutdown");
  EXPECT_EQ(parse_clean_shutdown(marker), 18);
  EXPECT_EQ(format_clean_shutdown(18), marker);

  const std::string checkpoint = golden_text("recovery-point-offset-checkpoint");
  const auto parsed = parse_checkpoint(checkpoint);
  ASSERT_TRUE(parsed) << parsed.error().describe();
  EXPECT_EQ(parsed->at(TopicPartition{"golden", PartitionIndex(0)}), Offset(45));
  EXPECT_EQ(parse_checkpoint(format_checkpoint(*parsed)), *parsed);
  EXPECT_EQ(format_checkpoint(*parsed).size(), checkpoint.size());
}

// Property: producer snapshots and transaction indexes come out as they went in.
TEST(Golden, binary_files) {
  for (const int offset : {21, 39, 41, 42, 45}) {
    const Bytes bytes = golden(in_log(Offset(offset), kSnapshotSuffix));
    ProducerState state;
    ASSERT_TRUE(state.load(bytes, Offset(offset))) << offset;
    EXPECT_EQ(state.size(), (bytes.size() - 10) / 46);
    EXPECT_TRUE(equal(state.snapshot(), bytes)) << offset;
  }
  const Bytes aborted = golden(in_log(Offset(41), kTxnIndexSuffix));
  const auto entries = decode_txn_entries(aborted);
  ASSERT_TRUE(entries && entries->size() == 1);
  EXPECT_EQ((*entries)[0].last_offset, Offset(41));
  EXPECT_TRUE(equal(encode_txn_entries(*entries), aborted));
}

Task<void> lay_out(runtime::Environment& env, bool with_indexes) {
  EXPECT_TRUE(co_await env.disk.create_directories(std::string(kLogPath)));
  for (const int base : {21, 39, 41, 42}) {
    for (const std::string_view suffix : {kLogSuffix, kSnapshotSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix}) {
      const bool is_index = suffix != kLogSuffix && suffix != kSnapshotSuffix;
      if ((is_index && !with_indexes) || (suffix == kTxnIndexSuffix && base != 41)) continue;
      if (suffix == kSnapshotSuffix && !with_indexes && base != 21) continue;
      const std::string name = segment_file_name(Offset(base), suffix);
      EXPECT_TRUE(co_await runtime::write_file_atomically(env.disk, fmt::format("{}/{}", kLogPath, name), golden("golden-0/" + name)));
    }
  }
  for (const std::string name : {"00000000000000000045.snapshot", "leader-epoch-checkpoint", "partition.metadata"}) {
    if (!with_indexes && name.ends_with(kSnapshotSuffix)) continue;
    EXPECT_TRUE(co_await runtime::write_file_atomically(env.disk, fmt::format("{}/{}", kLogPath, name), golden("golden-0/" + name)));
  }
}

Task<void> expect_same(runtime::Environment& env, Offset base, std::string_view suffix) {
  const std::string name = segment_file_name(base, suffix);
  const auto ours = co_await runtime::read_file(env.disk, fmt::format("{}/{}", kLogPath, name), 1 << 20);
  EXPECT_TRUE(ours) << name;
  if (!ours) co_return;
  EXPECT_TRUE(equal(*ours, golden("golden-0/" + name))) << name << ": " << ours->size() << " bytes";
}

// The last entry of each producer, which is what Kafka's loader keeps.
std::map<int64_t, Bytes> newest_entries(ByteView snapshot) {
  constexpr size_t kEntriesAt = 10;
  constexpr size_t kEntryBytes = 46;
  std::map<int64_t, Bytes> newest;
  for (size_t at = kEntriesAt; at + kEntryBytes <= snapshot.size(); at += kEntryBytes) {
    const ByteView entry = snapshot.subspan(at, kEntryBytes);
    newest[load_be<int64_t>(entry.data())] = Bytes(entry.begin(), entry.end());
  }
  return newest;
}

Task<void> expect_same_newest_batches(runtime::Environment& env, Offset base) {
  const std::string name = segment_file_name(base, kSnapshotSuffix);
  const auto ours = co_await runtime::read_file(env.disk, fmt::format("{}/{}", kLogPath, name), 1 << 20);
  EXPECT_TRUE(ours) << name;
  if (!ours) co_return;
  EXPECT_EQ(newest_entries(*ours), newest_entries(golden("golden-0/" + name)));
}

Task<void> recovered(runtime::Environment& env) {
  co_await lay_out(env, false);
  LogKit kit(env);
  auto log = co_await kit.open({.index_interval_bytes = 200}, {.clean = false, .recovery_point = Offset(45)});
  EXPECT_TRUE(log) << log.error().describe();
  EXPECT_EQ((*log)->start_offset(), Offset(21));
  EXPECT_EQ((*log)->end_offset(), Offset(45));
  EXPECT_TRUE(co_await (*log)->close());
  for (const int base : {21, 39, 41, 42}) {
    for (const std::string_view suffix : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix}) {
      co_await expect_same(env, Offset(base), suffix);
    }
  }
  co_await expect_same(env, Offset(41), kTxnIndexSuffix);
  co_await expect_same_newest_batches(env, Offset(45));
}
// Property: recovery of Kafka's segments from one snapshot and without indexes makes Kafka's indexes, and a snapshot whose last
// entry of each producer is Kafka's (ours has the older batches too).
TEST(Golden, recovery_makes_the_same_indexes) {
  SimWorld world(1);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, recovered(environment));
}

Task<void> appended(runtime::Environment& env) {
  {
    LogKit kit(env);
    auto log = co_await kit.open({.index_interval_bytes = 200});
    EXPECT_TRUE(co_await (*log)->truncate_fully_and_start_at(Offset(21)));
    const Bytes source = golden(in_log(Offset(21), kLogSuffix));
    record::Batches batches(source);
    for (;;) {
      const auto batch = batches.next();
      EXPECT_TRUE(batch);
      if (!batch || !*batch) break;
      const AppendInfo info{(*batch)->v2()->leader_epoch(), env.clock.wall_ms(), AppendOrigin::kClient};
      const auto result = (*log)->append(SharedBytes::copy_of((*batch)->bytes()), info);
      EXPECT_TRUE(result && result->last_offset == (*batch)->last_offset());
    }
    EXPECT_TRUE(co_await (*log)->close());
  }
  for (const std::string_view suffix : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix}) co_await expect_same(env, Offset(21), suffix);
}
// Property: Kafka's batches appended one by one make Kafka's log, index and time index.
TEST(Golden, appends_make_the_same_files) {
  SimWorld world(2);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, appended(environment));
}

Task<void> adopted(runtime::Environment& env) {
  co_await lay_out(env, true);
  LogKit kit(env);
  auto log = co_await kit.open({}, {.clean = true, .recovery_point = Offset(45), .high_watermark = Offset(45)});
  EXPECT_TRUE(log) << log.error().describe();
  EXPECT_EQ((*log)->end_offset(), Offset(45));
  EXPECT_EQ((*log)->last_stable_offset(Offset(45)), Offset(45));
  const auto aborted = co_await (*log)->aborted_transactions(Offset(21), Offset(45));
  EXPECT_TRUE(aborted && aborted->size() == 1);
  EXPECT_TRUE(co_await (*log)->close());
  co_await expect_same(env, Offset(42), kOffsetIndexSuffix);
  co_await expect_same(env, Offset(42), kTimeIndexSuffix);
}
// Property: a cleanly stopped Kafka's log opens without recovery, with its producers and its aborted transaction.
TEST(Golden, a_stopped_log_of_kafka_opens) {
  SimWorld world(3);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, adopted(environment));
}

}  // namespace
}  // namespace weir::storage
