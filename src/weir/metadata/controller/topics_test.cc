// Creating, growing and deleting topics, item by item. Expected codes were observed on Apache Kafka 4.3.1 with its Admin client.
#include <algorithm>
#include <map>

#include "weir/metadata/controller/controller_fixture_test.h"

namespace weir::metadata {
namespace {

using testing::ElementsAre;

// Property: each item is created or refused with Kafka's code and a sentence, and a refused one leaves no record.
TEST(CreateTopics, judges_each_item_as_kafka_does) {
  Cluster cluster(1);
  cluster.run(create_topics, CreateTopicsRequest{{topic("beta", 2), topic("a.b")}});
  const std::pair<CreateTopicsRequest::CreatableTopic, ErrorCode> cases[] = {
      {topic("beta"), ErrorCode::kTopicAlreadyExists},
      {topic("a_b"), ErrorCode::kInvalidTopicException},
      {topic("."), ErrorCode::kInvalidTopicException},
      {topic(".."), ErrorCode::kInvalidTopicException},
      {topic("a b"), ErrorCode::kInvalidTopicException},
      {topic(std::string(250, 'x')), ErrorCode::kInvalidTopicException},
      {topic(std::string(249, 'x')), ErrorCode::kNone},
      {topic(""), ErrorCode::kInvalidTopicException},
      {topic("p0", 0), ErrorCode::kInvalidPartitions},
      {topic("p-2", -2), ErrorCode::kInvalidPartitions},
      {topic("rf0", 1, 0), ErrorCode::kInvalidReplicationFactor},
      {topic("rf-2", 1, -2), ErrorCode::kInvalidReplicationFactor},
      {topic("rf2", 1, 2), ErrorCode::kInvalidReplicationFactor},
      {topic("both", 0, 0), ErrorCode::kInvalidReplicationFactor},
      {topic("rf2p0", 0, 2), ErrorCode::kInvalidPartitions},
      {topic("defaults", -1, -1), ErrorCode::kNone},
      {topic("many", 10001), ErrorCode::kPolicyViolation},
      {topic("many2", 9999), ErrorCode::kNone},
      {topic("__cluster_metadata"), ErrorCode::kInvalidRequest},
      {topic("__mine"), ErrorCode::kNone},
      {configured("c1", "nope", "1"), ErrorCode::kInvalidConfig},
      {configured("c2", "retention.ms", "x"), ErrorCode::kInvalidConfig},
      {configured("c3", "segment.bytes", "10"), ErrorCode::kInvalidConfig},
      {configured("c4", "cleanup.policy", "zap"), ErrorCode::kInvalidConfig},
      {configured("c5", "remote.storage.enable", "true"), ErrorCode::kInvalidConfig},
      {configured("c6", "retention.ms", std::nullopt), ErrorCode::kInvalidConfig},
      {configured("c7", "cleanup.policy", "compact,compact"), ErrorCode::kNone},
      {configured("c8", "min.compaction.lag.ms", "9223372036854775807"), ErrorCode::kNone},
      {assigned("m1", {{0, {1}}, {1, {1}}}), ErrorCode::kNone},
      {assigned("m2", {{0, {1}}, {2, {1}}}), ErrorCode::kInvalidReplicaAssignment},
      {assigned("m3", {{1, {1}}}), ErrorCode::kInvalidReplicaAssignment},
      {assigned("m4", {{0, {9}}}), ErrorCode::kInvalidReplicaAssignment},
      {assigned("m5", {{0, {1, 1}}}), ErrorCode::kInvalidReplicaAssignment},
      {assigned("m6", {{0, {}}}), ErrorCode::kInvalidReplicaAssignment},
      {assigned("m7", {{0, {-1}}}), ErrorCode::kInvalidReplicaAssignment},
      {assigned("m8", {{0, {1}}, {0, {1}}}), ErrorCode::kInvalidReplicaAssignment},
  };
  for (const auto& [wanted, code] : cases) {
    CreateTopicsRequest request;
    request.topics.push_back(wanted);
    const auto decision = create_topics(cluster.context(), request);
    const auto& result = decision.response.topics.at(0);
    EXPECT_EQ(result.error_code, code) << wanted.name << ": " << result.error_message.value_or("");
    EXPECT_EQ(decision.records.empty(), code != ErrorCode::kNone) << wanted.name;
    EXPECT_EQ(result.error_message.has_value(), code != ErrorCode::kNone) << wanted.name;
    if (code == ErrorCode::kNone) {
      EXPECT_FALSE(result.topic_id.is_zero());
      EXPECT_EQ(result.configs->size(), 34u);
    }
  }
  CreateTopicsRequest::CreatableTopic counted = assigned("m9", {{0, {1}}});
  counted.num_partitions = 1;
  EXPECT_EQ(create_topics(cluster.context(), {{counted}}).response.topics.at(0).error_code, ErrorCode::kInvalidRequest);
}

// Property: what a request names twice is refused once; a later item is judged beside the earlier ones.
TEST(CreateTopics, repeats_and_collisions_within_one_request) {
  Cluster cluster(1);
  const auto response =
      cluster.run(create_topics, CreateTopicsRequest{{topic("x"), topic("y"), topic("x"), topic("q.r"), topic("q_r")}});
  std::map<std::string, ErrorCode> codes;
  for (const auto& result : response.topics) codes[result.name] = result.error_code;
  EXPECT_EQ(response.topics.size(), 4u);
  EXPECT_EQ(codes["x"], ErrorCode::kInvalidRequest);
  EXPECT_EQ(codes["y"], ErrorCode::kNone);
  EXPECT_EQ(codes["q.r"], ErrorCode::kNone);
  EXPECT_EQ(codes["q_r"], ErrorCode::kInvalidTopicException);
  EXPECT_EQ(cluster.image->topic("x"), nullptr);
}

// Property: validate_only answers as creating would, without an id and without a record.
TEST(CreateTopics, validate_only_decides_without_records) {
  Cluster cluster(1);
  CreateTopicsRequest request{{topic("x", 5), topic("", 1)}};
  request.validate_only = true;
  const auto decision = create_topics(cluster.context(), request);
  EXPECT_TRUE(decision.records.empty());
  EXPECT_EQ(decision.response.topics.at(0).error_code, ErrorCode::kNone);
  EXPECT_EQ(decision.response.topics.at(0).num_partitions, 5);
  EXPECT_TRUE(decision.response.topics.at(0).topic_id.is_zero());
  EXPECT_EQ(decision.response.topics.at(1).error_code, ErrorCode::kInvalidTopicException);
}

// Property: -1 means the broker's default, and no default is written down as the topic's own.
TEST(CreateTopics, defaults_come_from_the_brokers_configuration) {
  Cluster cluster(3);
  cluster.fixed = {{"num.partitions", "4"}, {"default.replication.factor", "2"}, {"log.retention.ms", "5"}};
  const auto response = cluster.run(create_topics, CreateTopicsRequest{{topic("x", -1, -1)}});
  EXPECT_EQ(response.topics.at(0).num_partitions, 4);
  EXPECT_EQ(response.topics.at(0).replication_factor, 2);
  const auto& configs = *response.topics.at(0).configs;
  const auto retention = std::ranges::find(configs, "retention.ms", &CreateTopicsResponse::CreatableTopicConfigs::name);
  EXPECT_EQ(retention->value, "5");
  EXPECT_EQ(retention->config_source, 4);
  EXPECT_TRUE(cluster.image->topic_config("x").empty()) << "defaults are not written down as overrides";
}

// Property: a default that no topic can have is an answer, not the end of the broker.
TEST(CreateTopics, an_impossible_default_factor_is_refused) {
  for (const char* factor : {"0", "-1", "65536"}) {
    Cluster cluster(1);
    cluster.fixed = {{"default.replication.factor", factor}};
    const auto response = cluster.run(create_topics, CreateTopicsRequest{{topic("x", 1, -1)}});
    EXPECT_EQ(response.topics.at(0).error_code, ErrorCode::kInvalidReplicationFactor) << factor;
  }
}

// Property: a topic goes by its name or its id; one that is meant twice stays.
TEST(DeleteTopics, by_name_and_by_id) {
  Cluster cluster(1);
  cluster.run(create_topics, CreateTopicsRequest{{topic("a"), topic("b"), topic("c")}});
  const Uuid b = cluster.image->topic("b")->id;
  const Uuid c = cluster.image->topic("c")->id;
  DeleteTopicsRequest request;
  request.topics = {{"a", kZeroUuid}, {std::nullopt, b},         {"nosuch", kZeroUuid}, {std::nullopt, Uuid{0, 1}},
                    {"c", c},         {std::nullopt, kZeroUuid}, {"b", kZeroUuid}};
  const auto response = cluster.run(delete_topics, request);
  std::vector<ErrorCode> codes;
  for (const auto& result : response.responses) codes.push_back(result.error_code);
  EXPECT_THAT(codes,
              ElementsAre(ErrorCode::kNone, ErrorCode::kInvalidRequest, ErrorCode::kUnknownTopicOrPartition,
                          ErrorCode::kUnknownTopicId, ErrorCode::kInvalidRequest, ErrorCode::kInvalidRequest))
      << "b is meant twice: one refusal, and it stays";
  EXPECT_EQ(response.responses.at(3).name, std::nullopt);
  EXPECT_EQ(cluster.image->topics_by_name.size(), 2u);

  DeleteTopicsRequest by_id;
  by_id.topics = {{std::nullopt, b}};
  EXPECT_EQ(cluster.run(delete_topics, by_id).responses.at(0).name, "b");
  EXPECT_EQ(cluster.image->topics_by_name.size(), 1u);

  cluster.fixed = {{"delete.topic.enable", "false"}};
  DeleteTopicsRequest old;
  old.topic_names = {"c"};
  EXPECT_EQ(cluster.run(delete_topics, old).responses.at(0).error_code, ErrorCode::kTopicDeletionDisabled);
}

// Property: a topic grows by exactly what is asked and assigned, and never shrinks.
TEST(CreatePartitions, grows_and_refuses) {
  Cluster cluster(2);
  cluster.run(create_topics, CreateTopicsRequest{{topic("a", 2), topic("b", 2, 2)}});
  const auto grow = [&](std::string name, int32_t count,
                        std::optional<std::vector<std::vector<int32_t>>> replicas = std::nullopt) {
    CreatePartitionsRequest request;
    request.topics.emplace_back();
    request.topics[0].name = std::move(name);
    request.topics[0].count = count;
    request.topics[0].assignments.reset();
    if (replicas) {
      request.topics[0].assignments.emplace();
      for (const auto& ids : *replicas) {
        request.topics[0].assignments->emplace_back();
        for (const int32_t id : ids) request.topics[0].assignments->back().broker_ids.push_back(BrokerId(id));
      }
    }
    return cluster.run(create_partitions, request).results.at(0).error_code;
  };
  EXPECT_EQ(grow("nosuch", 3), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(grow("a", 2), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(grow("a", 1), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(grow("a", -1), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(grow("a", 4, {{{1}}}), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(grow("a", 3, {{{7}}}), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(grow("a", 3, {{{1, 2}}}), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(grow("b", 3, {{{1}}}), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(grow("b", 3, {{{2, 1}}}), ErrorCode::kNone);
  EXPECT_EQ(cluster.image->topic("b")->partition(PartitionIndex(2))->leader, BrokerId(2));
  EXPECT_EQ(grow("a", 5), ErrorCode::kNone);
  EXPECT_EQ(cluster.image->topic("a")->partition_count(), 5);
  EXPECT_EQ(grow("a", 20'000), ErrorCode::kPolicyViolation);
}

}  // namespace
}  // namespace weir::metadata
