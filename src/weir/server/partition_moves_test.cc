#include "weir/server/partition_moves.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/metadata/delta.h"
#include "weir/metadata/records.h"
#include "weir/protocol/metadata_codec.h"

namespace weir::server {
namespace {

using metadata::ImageRef;
using protocol::ListPartitionReassignmentsRequest;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Uuid kMoving{1, 1};
constexpr Uuid kStill{2, 2};

// Partition 1 of "moving" goes from broker 1 to broker 2, its partition 2 gives up a replica; all others rest.
ImageRef image_with_moves() {
  metadata::MetadataDelta delta(std::make_shared<const metadata::MetadataImage>());
  int64_t offset = 0;
  const auto apply = [&](const protocol::MetadataRecord& record) { EXPECT_TRUE(delta.apply(record, Offset(offset++)).has_value()); };
  apply(protocol::TopicRecord{"moving", kMoving});
  apply(protocol::TopicRecord{"still", kStill});
  for (const Uuid topic : {kMoving, kStill}) {
    for (int32_t i = 0; i < 3; ++i) {
      protocol::PartitionRecord record;
      record.partition_id = PartitionIndex(i);
      record.topic_id = topic;
      record.replicas = record.isr = {BrokerId(1), BrokerId(2)};
      record.directories = {metadata::kDirectoryUnassigned, metadata::kDirectoryUnassigned};
      record.leader = BrokerId(1);
      record.leader_epoch = LeaderEpoch(0);
      record.partition_epoch = 0;
      if (topic == kMoving && i == 1) record.adding_replicas = {BrokerId(2)};
      if (topic == kMoving && i == 1) record.removing_replicas = {BrokerId(1)};
      if (topic == kMoving && i == 2) record.removing_replicas = {BrokerId(2)};
      apply(record);
    }
  }
  return delta.finish();
}

std::vector<std::string> moves(const ListPartitionReassignmentsRequest& request) {
  std::vector<std::string> rows;
  const auto response = partition_moves(*image_with_moves(), request);
  EXPECT_EQ(response.error_code, ErrorCode::kNone);
  EXPECT_FALSE(response.error_message.has_value());  // null, as Kafka says it, not ""
  for (const auto& topic : response.topics) {
    for (const auto& row : topic.partitions) {
      rows.push_back(fmt::format("{}-{} of {} +{} -{}", topic.name, row.partition_index, row.replicas.size(), row.adding_replicas.size(), row.removing_replicas.size()));
    }
  }
  return rows;
}

ListPartitionReassignmentsRequest asking(const std::vector<std::pair<std::string, std::vector<int32_t>>>& topics) {
  ListPartitionReassignmentsRequest request;
  request.topics.emplace();
  for (const auto& [name, indexes] : topics) {
    auto& topic = request.topics->emplace_back();
    topic.name = name;
    for (const int32_t index : indexes) topic.partition_indexes.emplace_back(index);
  }
  return request;
}

// Property: without a list everything that moves is told, and nothing that rests; a move is what adds or removes a replica.
// Fails when one of the two counts alone.
TEST(PartitionMoves, all_of_them) {
  EXPECT_THAT(moves({}), ElementsAre("moving-1 of 2 +1 -1", "moving-2 of 2 +0 -1"));
}

// Property: of what is named, what moves is told once, in order; what rests or is not there is left out. Fails when a name that is
// unknown, or comes twice, changes the answer.
TEST(PartitionMoves, those_that_are_named) {
  EXPECT_THAT(moves(asking({{"still", {0, 1, 2}}, {"moving", {2, 1, 0}}})), ElementsAre("moving-1 of 2 +1 -1", "moving-2 of 2 +0 -1"));
  EXPECT_THAT(moves(asking({{"moving", {2, 2}}, {"missing", {0}}, {"", {}}, {"moving", {2, 7, -1}}})), ElementsAre("moving-2 of 2 +0 -1"));
  EXPECT_THAT(moves(asking({{"moving", {}}, {"still", {1}}})), IsEmpty());
  EXPECT_THAT(moves(asking({})), IsEmpty());
}

}  // namespace
}  // namespace weir::server
