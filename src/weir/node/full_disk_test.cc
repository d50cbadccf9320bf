// What clients are told when the broker's disk is full or fails, over the wire, and what is there afterwards.
#include <gmock/gmock.h>

#include "weir/node/data_path_fixture_test.h"
#include "weir/protocol/metadata.h"

namespace weir::node {
namespace {

class FullDisk : public DataPath {};

// Property: a nearly full disk refuses records with an error that clients retry, and nothing else: metadata and reads go on, and
// writing resumes when there is space again, without a restart. Fails when the reserve is not kept or not given up.
TEST_F(FullDisk, full_disk_refuses_and_recovers) {
  runtime::SimOptions sim = SimBroker::quiet();
  sim.disk.capacity_bytes = 64 << 20;
  begin(12, {}, sim);
  (void)broker().create_topic("t");
  Wire wire = broker().connect();
  std::vector<std::string> taken;
  ProducedPartition answer;
  for (int i = 0; i < 100; ++i) {
    std::string value(900'000, static_cast<char>('a' + i % 26));
    answer = produce(wire, "t", {value});
    if (answer.error_code != ErrorCode::kNone) break;
    taken.push_back(std::move(value));
    broker().world.run_for(500ms);
  }
  EXPECT_EQ(answer.error_code, ErrorCode::kKafkaStorageError) << name_of(answer.error_code);
  EXPECT_GE(taken.size(), 50u);
  ASSERT_TRUE(broker().is_running());
  EXPECT_TRUE(broker().serves_newcomers());
  protocol::MetadataRequest metadata;
  metadata.topics.emplace().emplace_back().name = "t";
  const auto described = wire.call(metadata, 12);
  ASSERT_TRUE(described.has_value());
  EXPECT_EQ(described->topics.at(0).error_code, ErrorCode::kNone);
  EXPECT_EQ(read_all("t"), taken);
  EXPECT_FALSE(broker().create_topic("another").is_zero());

  disk().capacity_bytes = 1 << 30;
  broker().world.run_for(5s);
  answer = produce(wire, "t", {"again"});
  EXPECT_EQ(answer.error_code, ErrorCode::kNone) << name_of(answer.error_code);
  EXPECT_EQ(answer.base_offset, Offset(static_cast<int64_t>(taken.size())));
}

// Property: when the disk's last bytes are gone under a write, everything that must be written is answered with an error that
// clients retry, the node stays, and goes on when there is space, without a restart; nothing was lost and nothing came twice.
// Fails when a full disk takes the directory offline, or half a batch stays behind.
TEST_F(FullDisk, a_disk_without_a_byte_is_waited_for) {
  begin(13);
  (void)broker().create_topic("t");
  Wire wire = broker().connect();
  ASSERT_EQ(produce(wire, "t", {"kept"}).error_code, ErrorCode::kNone);
  disk().capacity_bytes = broker().machine.disk().used_bytes();
  // The one that met the end of the disk may still be written, and is not answered before its time is over.
  EXPECT_EQ(produce(wire, "t", {std::string(100'000, 'x')}).error_code, ErrorCode::kRequestTimedOut);
  EXPECT_EQ(produce(wire, "t", {"refused"}).error_code, ErrorCode::kKafkaStorageError);
  EXPECT_TRUE(broker().is_running());
  EXPECT_THAT(read_all("t"), testing::ElementsAre("kept"));
  disk() = runtime::SimDiskOptions();
  broker().world.run_for(5s);
  EXPECT_EQ(produce(wire, "t", {"more"}).error_code, ErrorCode::kNone);
  EXPECT_THAT(read_all("t"), testing::ElementsAre("kept", std::string(100'000, 'x'), "more"));
  ASSERT_TRUE(broker().power_cycle()) << broker().outcome().error().describe();
  EXPECT_THAT(read_all("t"), testing::ElementsAre("kept", std::string(100'000, 'x'), "more"));
}

// Property: a topic that was created while the disk had not a byte left is served when there is space, without a restart; until
// then its clients hear an error that they retry. Fails when a log that could not be made is forgotten, or its partition is
// called unknown, which makes clients give the topic up.
TEST_F(FullDisk, a_topic_created_on_a_full_disk_is_served_when_there_is_space) {
  begin(14);
  (void)broker().create_topic("before");
  Wire wire = broker().connect();
  // Room for the metadata's records and not for the directories.
  disk().capacity_bytes = broker().machine.disk().used_bytes() + (32 << 10);
  (void)broker().create_topic("late", 40);
  const ProducedPartition refused = produce(wire, "late", {"x"});
  EXPECT_EQ(refused.error_code, ErrorCode::kKafkaStorageError) << name_of(refused.error_code);
  disk() = runtime::SimDiskOptions();
  broker().world.run_for(10s);
  EXPECT_EQ(produce(wire, "late", {"kept"}).error_code, ErrorCode::kNone);
  EXPECT_THAT(read_all("late"), testing::ElementsAre("kept"));
  ASSERT_TRUE(broker().power_cycle()) << broker().outcome().error().describe();
  EXPECT_THAT(read_all("late"), testing::ElementsAre("kept"));
}

// Property: when a flush fails, the produce is answered with an error clients retry, nothing unacknowledged is claimed, and the
// node ends with a sentence that names the directory, because its metadata lies there. After a restart on a well disk every
// acknowledged record is there.
// Fails when a failed flush is tried again and believed, or the node goes on without a disk.
TEST_F(FullDisk, broken_disk_ends_the_node_with_a_sentence) {
  begin(13);
  (void)broker().create_topic("t");
  Wire wire = broker().connect();
  ASSERT_EQ(produce(wire, "t", {"kept"}).error_code, ErrorCode::kNone);
  disk().sync_error_ppm = 1'000'000;
  const ProducedPartition answer = produce(wire, "t", {std::string(100'000, 'x')});
  EXPECT_EQ(answer.error_code, ErrorCode::kKafkaStorageError) << name_of(answer.error_code);
  broker().world.run_until_true([&] { return broker().has_ended(); }, 60s);
  ASSERT_TRUE(broker().has_ended());
  ASSERT_FALSE(broker().outcome().has_value());
  EXPECT_EQ(broker().outcome().error().code(), ErrorCode::kKafkaStorageError);
  EXPECT_THAT(broker().outcome().error().message(), testing::HasSubstr("/data/log"));
  disk() = runtime::SimDiskOptions();
  ASSERT_TRUE(broker().power_cycle()) << broker().outcome().error().describe();
  EXPECT_THAT(read_all("t"), testing::Contains("kept"));
  Wire again = broker().connect();
  EXPECT_EQ(produce(again, "t", {"more"}).error_code, ErrorCode::kNone);
}

}  // namespace
}  // namespace weir::node
