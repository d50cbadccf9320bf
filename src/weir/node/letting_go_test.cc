// What a broker lets go of, over the wire on the simulator: DeleteRecords through power cuts, and topics of very many segments.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/node/broker_fixture_test.h"
#include "weir/protocol/delete_records.h"
#include "weir/protocol/list_offsets.h"

namespace weir::node {
namespace {

using protocol::DeleteRecordsRequest;

constexpr int16_t kProduceVersion = 12;

void append(SimBroker& broker, const std::string& topic, int batches, size_t bytes) {
  Wire wire = broker.connect();
  for (int i = 0; i < batches; ++i) {
    const auto answer = wire.call(SimBroker::produce(topic, broker.batch({std::string(bytes, 'x')})), kProduceVersion);
    ASSERT_TRUE(answer.has_value());
    ASSERT_EQ(answer->responses.at(0).partition_responses.at(0).error_code, ErrorCode::kNone);
  }
}

std::pair<ErrorCode, int64_t> delete_before(SimBroker& broker, const std::string& topic, int64_t offset, int32_t timeout_ms = 10'000) {
  Wire wire = broker.connect();
  DeleteRecordsRequest request;
  request.timeout_ms = timeout_ms;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic;
  wanted.partitions.push_back({.partition_index = PartitionIndex(0), .offset = Offset(offset)});
  const auto answer = wire.call(request, 2);
  if (!answer) return {answer.error().code(), -1};
  const auto& partition = answer->topics.at(0).partitions.at(0);
  return {partition.error_code, partition.low_watermark};
}

int64_t offset_at(SimBroker& broker, const std::string& topic, int64_t mark) {
  Wire wire = broker.connect();
  protocol::ListOffsetsRequest request;
  request.replica_id = kNoBroker;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic;
  wanted.partitions.push_back({.partition_index = PartitionIndex(0), .timestamp = mark});
  const auto answer = wire.call(request, 7);
  return answer ? answer->topics.at(0).partitions.at(0).offset.value() : -100;
}

size_t files_of(SimBroker& broker, const std::string& dir, std::string_view ending) {
  const auto files = broker.world.run(broker.machine, broker.machine.environment().disk.list(dir));
  if (!files) return 0;
  return static_cast<size_t>(std::ranges::count_if(*files, [&](const runtime::DirEntry& file) { return file.name.ends_with(ending); }));
}

// Property: a start that DeleteRecords answered is there after a power cut at once, whatever the cut takes; records after it
// stay, and offsets go on. Fails when the answer does not wait for the checkpoint, or segments go before the start is kept.
TEST(LettingGo, deleted_records_stay_deleted_through_power_cuts) {
  for (uint64_t seed = 1; seed <= rounds(20); ++seed) {
    SimBroker broker(seed);
    ASSERT_TRUE(broker.start());
    (void)broker.create_topic("t", 1, {{"segment.bytes", "1048576"}, {"file.delete.delay.ms", "1000"}});
    append(broker, "t", 30, 150'000);
    Prng prng(seed);
    int64_t start = 0;
    for (int round = 0; round < 3; ++round) {
      const int64_t target = start + static_cast<int64_t>(prng.below(10));
      ASSERT_EQ(delete_before(broker, "t", target), std::make_pair(ErrorCode::kNone, target)) << "seed " << seed;
      start = target;
      if (prng.below(2) == 0) broker.world.run_for(std::chrono::milliseconds(prng.below(2500)));
      ASSERT_TRUE(broker.power_cycle()) << "seed " << seed;
      EXPECT_EQ(offset_at(broker, "t", -2), start) << "seed " << seed;
      EXPECT_EQ(offset_at(broker, "t", -1), 30) << "seed " << seed;
    }
    ASSERT_EQ(delete_before(broker, "t", -1), std::make_pair(ErrorCode::kNone, int64_t{30}));
    ASSERT_TRUE(broker.power_cycle()) << "seed " << seed;
    EXPECT_EQ(offset_at(broker, "t", -2), 30) << "seed " << seed;
    append(broker, "t", 1, 10);
    EXPECT_EQ(offset_at(broker, "t", -1), 31) << "seed " << seed;
  }
}

// Property: the files of deleted records go by themselves, first by name and after file.delete.delay.ms from the disk. Fails
// when a segment below the start stays, or the one in use goes.
TEST(LettingGo, files_below_the_start_go) {
  SimBroker broker(1);
  ASSERT_TRUE(broker.start());
  (void)broker.create_topic("t", 1, {{"segment.bytes", "1048576"}, {"file.delete.delay.ms", "5000"}});
  append(broker, "t", 60, 100'000);
  const size_t before = files_of(broker, "/data/log/t-0", ".log");
  ASSERT_GE(before, 5u);
  ASSERT_EQ(delete_before(broker, "t", -1).second, 60);
  broker.world.run_for(1s);
  EXPECT_EQ(files_of(broker, "/data/log/t-0", ".log"), 1u);
  EXPECT_EQ(files_of(broker, "/data/log/t-0", ".log.deleted"), before - 1);
  broker.world.run_for(6s);
  EXPECT_EQ(files_of(broker, "/data/log/t-0", ".deleted"), 0u);
}

// Property: DeleteRecords waits for a log whose files others have until timeout_ms, then says so and leaves the start as it was.
// Fails when it waits for as long as they have them.
TEST(LettingGo, delete_records_waits_until_its_timeout) {
  SimBroker broker(3);
  ASSERT_TRUE(broker.start());
  (void)broker.create_topic("t", 1, {{"segment.bytes", "1048576"}, {"file.delete.delay.ms", "0"}});
  append(broker, "t", 100, 600'000);
  ASSERT_EQ(delete_before(broker, "t", 80), std::make_pair(ErrorCode::kNone, int64_t{80}));
  ASSERT_GT(files_of(broker, "/data/log/t-0", ".log"), 40u) << "the segments below the start are gone already";
  EXPECT_EQ(delete_before(broker, "t", 90, 0), std::make_pair(ErrorCode::kRequestTimedOut, int64_t{-1}));
  EXPECT_EQ(offset_at(broker, "t", -2), 80);
  EXPECT_EQ(delete_before(broker, "t", 90), std::make_pair(ErrorCode::kNone, int64_t{90}));
  broker.world.run_for(60s);
  EXPECT_EQ(delete_before(broker, "t", 95, 0), std::make_pair(ErrorCode::kNone, int64_t{95})) << "nobody has them";
}

// Property: while a topic of many partitions and segments is deleted, and its files go, others are served as before: no answer
// takes longer than a few syncs of this disk. Fails when a deletion or DeleteRecords holds up requests until its files are gone.
TEST(LettingGo, deleting_much_holds_up_nobody) {
  runtime::SimOptions sim = SimBroker::quiet();
  SimBroker broker(2, sim);
  ASSERT_TRUE(broker.start());
  (void)broker.create_topic("small");
  (void)broker.create_topic("large", 1, {{"segment.bytes", "1048576"}, {"file.delete.delay.ms", "0"}});
  append(broker, "large", 400, 600'000);
  append(broker, "small", 1, 10);
  ASSERT_GE(files_of(broker, "/data/log/large-0", ".log"), 300u);
  const auto longest_append = [&] {
    Duration longest{0};
    for (int i = 0; i < 200; ++i) {
      const MonoTime asked = broker.world.now();
      append(broker, "small", 1, 10);
      longest = std::max(longest, broker.world.now() - asked);
    }
    return longest;
  };
  const Duration usual = longest_append();
  MonoTime asked = broker.world.now();
  ASSERT_EQ(delete_before(broker, "large", 200).first, ErrorCode::kNone);
  EXPECT_LT(broker.world.now() - asked, 20 * usual) << "the answer waited for the files";
  EXPECT_LT(longest_append(), 5 * usual);
  // The topic itself is written to as before while segments leave it.
  asked = broker.world.now();
  append(broker, "large", 1, 10);
  EXPECT_LT(broker.world.now() - asked, 20 * usual);
  ASSERT_EQ(broker.delete_topic("large"), ErrorCode::kNone);
  EXPECT_LT(longest_append(), 5 * usual);
  EXPECT_TRUE(broker.world.run_until_true([&] { return files_of(broker, "/data/log", "-delete") == 0; }, 60s));
}

}  // namespace
}  // namespace weir::node
