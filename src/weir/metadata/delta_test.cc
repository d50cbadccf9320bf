#include "weir/metadata/delta.h"

#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/metadata/records.h"
#include "weir/protocol/metadata_codec.h"
#include "weir/raft/snapshot.h"

namespace weir::metadata {
namespace {

using namespace protocol;
using testing::ElementsAre;
using testing::HasSubstr;

ImageRef empty_image() { return std::make_shared<const MetadataImage>(); }

ImageRef image_of(const std::vector<MetadataRecord>& records) {
  MetadataDelta delta(empty_image());
  int64_t offset = 0;
  for (const MetadataRecord& record : records) {
    const auto applied = delta.apply(record, Offset(offset++));
    EXPECT_TRUE(applied.has_value()) << applied.error().message();
  }
  return delta.finish();
}

// The state as text, in the order in which it is kept.
std::string text_of(const MetadataImage& image) {
  std::string text;
  for (const MetadataRecord& record : records_of(image)) text += protocol::describe(record.value) + "\n";
  return text;
}

PartitionRecord partition_of(Uuid topic, int32_t index) {
  PartitionRecord record;
  record.partition_id = PartitionIndex(index);
  record.topic_id = topic;
  record.replicas = record.isr = {BrokerId(1), BrokerId(2)};
  record.directories = {kDirectoryUnassigned, kDirectoryUnassigned};
  record.leader = BrokerId(1);
  record.leader_epoch = LeaderEpoch(0);
  record.partition_epoch = 0;
  return record;
}

// Property: a change of one partition leaves every other partition, and every other topic, the same object.
TEST(MetadataDelta, shares_what_did_not_change) {
  const Uuid a{1, 1};
  const Uuid b{2, 2};
  const ImageRef before =
      image_of({TopicRecord{"a", a}, partition_of(a, 0), partition_of(a, 1), TopicRecord{"b", b}, partition_of(b, 0)});
  MetadataDelta delta(before);
  PartitionChangeRecord change;
  change.partition_id = PartitionIndex(1);
  change.topic_id = a;
  change.leader = BrokerId(2);
  change.isr = std::vector{BrokerId(2)};
  ASSERT_TRUE(delta.apply(change, Offset(9)).has_value());
  const ImageRef after = delta.finish();
  EXPECT_EQ(after->topic("b"), before->topic("b"));
  EXPECT_EQ(after->partition(a, PartitionIndex(0)), before->partition(a, PartitionIndex(0)));
  const Partition* changed = after->partition(a, PartitionIndex(1));
  EXPECT_EQ(changed->leader, BrokerId(2));
  EXPECT_EQ(changed->leader_epoch, LeaderEpoch(1));
  EXPECT_EQ(changed->partition_epoch, 1);
  EXPECT_THAT(changed->isr, ElementsAre(BrokerId(2)));
  EXPECT_EQ(before->partition(a, PartitionIndex(1))->leader, BrokerId(1)) << "the old image must not change";
  EXPECT_THAT(delta.changed_partitions(), ElementsAre(std::pair(a, PartitionIndex(1))));
  EXPECT_TRUE(delta.created_topics().empty());
  EXPECT_EQ(after->topic("a"), after->topic(a));
}

// Property: a topic that came and went within one delta is in neither set; one that went takes its configuration along.
TEST(MetadataDelta, tells_what_was_created_and_deleted) {
  const Uuid a{1, 1};
  const Uuid b{2, 2};
  const Uuid c{3, 3};
  const ImageRef before = image_of({TopicRecord{"a", a}, ConfigRecord{2, "a", "retention.ms", "1"}});
  MetadataDelta delta(before);
  for (const MetadataRecord& record :
       std::vector<MetadataRecord>{TopicRecord{"b", b}, TopicRecord{"c", c}, RemoveTopicRecord{c}, RemoveTopicRecord{a}}) {
    ASSERT_TRUE(delta.apply(record, Offset(1)).has_value());
  }
  EXPECT_THAT(delta.created_topics(), ElementsAre(b));
  EXPECT_THAT(delta.deleted_topics(), ElementsAre(a));
  EXPECT_TRUE(delta.after().topic_config("a").empty()) << "a topic's configuration goes with it";
  EXPECT_THAT(delta.changed_configs(), ElementsAre(ConfigResource{ConfigResourceType::kTopic, "a"}));
}

// Property: a record that does not fit the image is refused with its offset, and leaves no trace.
TEST(MetadataDelta, refuses_records_that_cannot_follow) {
  const Uuid a{1, 1};
  const ImageRef before = image_of({TopicRecord{"a", a}});
  const std::pair<MetadataRecord, const char*> cases[] = {
      {TopicRecord{"a", Uuid{5, 5}}, "exists already"},
      {TopicRecord{"x", a}, "exists already"},
      {RemoveTopicRecord{Uuid{9, 9}}, "no topic"},
      {partition_of(Uuid{9, 9}, 0), "unknown topic"},
      {FenceBrokerRecord{BrokerId(3), 1}, "not registered"},
      {EndTransactionRecord{}, "did not begin"},
      {RemoveAccessControlEntryRecord{a}, "no access control entry"},
  };
  for (const auto& [record, why] : cases) {
    MetadataDelta delta(before);
    const auto applied = delta.apply(record, Offset(7));
    ASSERT_FALSE(applied.has_value()) << why;
    EXPECT_THAT(applied.error().message(), HasSubstr(why));
    EXPECT_THAT(applied.error().message(), HasSubstr("offset 7"));
    EXPECT_TRUE(delta.after().same_content(*before));
  }
}

// Property: an aborted transaction leaves no trace, an ended one everything.
TEST(MetadataDelta, transactions_apply_as_one) {
  const Uuid a{1, 1};
  for (const bool abort : {false, true}) {
    MetadataDelta delta(empty_image());
    ASSERT_TRUE(delta.apply(BeginTransactionRecord{}, Offset(0)).has_value());
    ASSERT_TRUE(delta.apply(TopicRecord{"a", a}, Offset(1)).has_value());
    EXPECT_TRUE(delta.in_transaction());
    const MetadataRecord end = abort ? MetadataRecord(AbortTransactionRecord{}) : MetadataRecord(EndTransactionRecord{});
    ASSERT_TRUE(delta.apply(end, Offset(2)).has_value());
    EXPECT_FALSE(delta.in_transaction());
    EXPECT_EQ(delta.after().topic("a") == nullptr, abort);
    EXPECT_EQ(delta.touched_topics().empty(), abort);
  }
}

// Property: what is said of a broker's older registration changes nothing.
TEST(MetadataDelta, brokers_change_by_registration_epoch) {
  RegisterBrokerRecord broker;
  broker.broker_id = BrokerId(4);
  broker.broker_epoch = BrokerEpoch(10);
  broker.end_points = {{"PLAINTEXT", "localhost", 9092, 0}};
  const ImageRef before = image_of({broker});
  EXPECT_FALSE(before->is_alive(BrokerId(4)));
  MetadataDelta delta(before);
  BrokerRegistrationChangeRecord change;
  change.broker_id = BrokerId(4);
  change.broker_epoch = BrokerEpoch(9);
  change.fenced = -1;
  EXPECT_FALSE(delta.apply(change, Offset(1)).has_value());
  change.broker_epoch = BrokerEpoch(10);
  ASSERT_TRUE(delta.apply(change, Offset(1)).has_value());
  EXPECT_TRUE(delta.after().is_alive(BrokerId(4)));
  EXPECT_EQ(delta.after().broker(BrokerId(4))->endpoint("PLAINTEXT")->port, 9092);
}

// --- a log that Apache Kafka 4.3.1 wrote ------------------------------------------------------------------------------------

Bytes golden(const std::string& name) {
  std::ifstream file(fmt::format("{}/tests/golden/metadata/{}", WEIR_SOURCE_DIR, name), std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  return to_bytes(content);
}

Result<void> apply_values(const std::vector<ByteView>& values, Offset base, MetadataDelta& delta) {
  for (const ByteView value : values) {
    WEIR_TRY(const MetadataRecord record, decode_record(value));
    WEIR_CHECK(delta.apply(record, base));
    base = base.next();
  }
  return {};
}

// The image after every record of the log below `end`.
ImageRef replay_log(const Bytes& log, Offset end) {
  MetadataDelta delta(empty_image());
  const Result<void> read = raft::for_each_batch(log, [&](const record::BatchView& batch) -> Result<void> {
    if (batch.is_control() || batch.base_offset() >= end) return {};
    Bytes scratch;
    WEIR_TRY(const auto values, raft::read_data_batch(batch, scratch));
    return apply_values(values, batch.base_offset(), delta);
  });
  EXPECT_TRUE(read.has_value()) << read.error().message();
  return delta.finish();
}

constexpr int64_t kSnapshotEnd = 58;  // of the golden snapshot

ImageRef replay_snapshot(const Bytes& snapshot) {
  MetadataDelta delta(empty_image());
  raft::LoadedSnapshot loaded;
  loaded.bytes = snapshot;
  const Result<void> read =
      raft::visit_snapshot(loaded, [&](const std::vector<ByteView>& values) { return apply_values(values, Offset(0), delta); });
  EXPECT_TRUE(read.has_value()) << read.error().message();
  return delta.finish();
}

// Property: the image of Kafka's own snapshot equals the image of Kafka's log up to the same offset.
// Fails when a record type is applied wrongly: the snapshot was made by Kafka's image, ours by ours.
TEST(KafkasLog, snapshot_and_log_give_one_image) {
  const ImageRef from_log = replay_log(golden("log"), Offset(kSnapshotEnd));
  const ImageRef from_snapshot = replay_snapshot(golden("snapshot"));
  EXPECT_EQ(text_of(*from_log), text_of(*from_snapshot));
  EXPECT_TRUE(from_log->same_content(*from_snapshot));
}

// Property: an image survives being written as a snapshot and read again, in bytes.
TEST(KafkasLog, image_survives_its_own_snapshot) {
  const ImageRef image = replay_log(golden("log"), Offset(INT64_MAX));
  const auto values = encode_records(records_of(*image), image->feature_level("metadata.version"));
  ASSERT_TRUE(values.has_value());
  MetadataDelta delta(empty_image());
  for (const Bytes& value : *values) {
    const auto record = decode_record(value);
    ASSERT_TRUE(record.has_value());
    ASSERT_TRUE(delta.apply(*record, Offset(0)).has_value());
  }
  EXPECT_TRUE(delta.after().same_content(*image));
}

}  // namespace
}  // namespace weir::metadata
