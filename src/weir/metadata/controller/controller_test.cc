// The controller's decisions, item by item. Expected codes were observed on Apache Kafka 4.3.1 with its Admin client.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/prng.h"
#include "weir/metadata/controller/brokers.h"
#include "weir/metadata/controller/configs.h"
#include "weir/metadata/controller/placement.h"
#include "weir/metadata/controller/topic_names.h"
#include "weir/metadata/controller/topics.h"
#include "weir/metadata/delta.h"

namespace weir::metadata {
namespace {

using namespace protocol;
using testing::ElementsAre;

struct SeededRandom final : runtime::Random {
  explicit SeededRandom(uint64_t seed) : prng(seed) {}
  void fill(MutableBytes out) override {
    for (std::byte& b : out) b = static_cast<std::byte>(prng.next());
  }
  Prng prng;
};

// A cluster of brokers 1..n to decide for.
struct Cluster {
  explicit Cluster(int brokers, int racks = 0) {
    std::vector<MetadataRecord> records;
    for (int i = 1; i <= brokers; ++i) {
      RegisterBrokerRecord record;
      record.broker_id = BrokerId(i);
      record.broker_epoch = BrokerEpoch(i);
      record.fenced = false;
      record.log_dirs = {Uuid{1000, static_cast<uint64_t>(i)}};
      record.rack = racks == 0 ? std::nullopt : std::optional(fmt::format("rack-{}", i % racks));
      records.emplace_back(std::move(record));
    }
    apply(records);
  }
  void apply(const std::vector<MetadataRecord>& records) {
    MetadataDelta delta(image);
    for (const MetadataRecord& record : records) {
      const auto applied = delta.apply(record, Offset(0));
      EXPECT_TRUE(applied.has_value()) << applied.error().message();
    }
    image = delta.finish();
  }
  ControllerContext context() { return {*image, fixed, BrokerId(1), random, Offset(77)}; }

  // Decides and applies.
  template <typename Decide, typename Request>
  auto run(Decide decide, const Request& request) {
    auto decision = decide(context(), request);
    apply(decision.records);
    return decision.response;
  }
  ImageRef image = std::make_shared<const MetadataImage>();
  StaticConfig fixed;
  SeededRandom random{1};
};

CreateTopicsRequest::CreatableTopic topic(std::string name, int32_t partitions = 1, int16_t factor = 1) {
  CreateTopicsRequest::CreatableTopic wanted;
  wanted.name = std::move(name);
  wanted.num_partitions = partitions;
  wanted.replication_factor = factor;
  return wanted;
}
CreateTopicsRequest::CreatableTopic assigned(std::string name, std::vector<std::pair<int32_t, std::vector<int32_t>>> replicas) {
  CreateTopicsRequest::CreatableTopic wanted = topic(std::move(name), -1, -1);
  for (const auto& [index, ids] : replicas) {
    wanted.assignments.push_back({PartitionIndex(index), {}});
    for (const int32_t id : ids) wanted.assignments.back().broker_ids.push_back(BrokerId(id));
  }
  return wanted;
}
CreateTopicsRequest::CreatableTopic configured(std::string name, std::string key, std::optional<std::string> value) {
  CreateTopicsRequest::CreatableTopic wanted = topic(std::move(name));
  wanted.configs.push_back({std::move(key), std::move(value)});
  return wanted;
}

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

struct ConfigCase {
  ConfigResource resource;
  const char* key;
  int8_t operation;  // 0 set, 1 delete, 2 append, 3 subtract
  std::optional<std::string> value;
  ErrorCode code;
};

TEST(AlterConfigs, judges_each_change_as_kafka_does) {
  Cluster cluster(1);
  cluster.run(create_topics, CreateTopicsRequest{{topic("beta")}});
  const ConfigResource beta{ConfigResourceType::kTopic, "beta"};
  const ConfigResource broker{ConfigResourceType::kBroker, "1"};
  const ConfigResource all{ConfigResourceType::kBroker, ""};
  const ConfigResource group{ConfigResourceType::kGroup, "g1"};
  const ConfigResource metrics{ConfigResourceType::kClientMetrics, "c1"};
  const ConfigCase cases[] = {
      {beta, "retention.ms", 0, "5", ErrorCode::kNone},
      {beta, "foo", 0, "5", ErrorCode::kInvalidConfig},
      {beta, "foo", 1, "", ErrorCode::kNone},
      {beta, "retention.ms", 0, "abc", ErrorCode::kInvalidConfig},
      {beta, "retention.ms", 0, std::nullopt, ErrorCode::kInvalidRequest},
      {beta, "retention.ms", 2, "5", ErrorCode::kInvalidConfig},
      {beta, "retention.ms", 9, "5", ErrorCode::kInvalidRequest},
      {beta, "max.compaction.lag.ms", 0, "5", ErrorCode::kNone},
      {beta, "min.compaction.lag.ms", 0, "7", ErrorCode::kInvalidConfig},
      {{ConfigResourceType::kTopic, "nosuch"}, "retention.ms", 0, "5", ErrorCode::kUnknownTopicOrPartition},
      {{ConfigResourceType::kTopic, ""}, "retention.ms", 0, "5", ErrorCode::kInvalidRequest},
      {{ConfigResourceType::kTopic, "a b"}, "retention.ms", 0, "5", ErrorCode::kInvalidTopicException},
      {broker, "log.retention.ms", 0, "500000", ErrorCode::kNone},
      {all, "log.retention.ms", 0, "500000", ErrorCode::kNone},
      {broker, "log.dirs", 0, "x", ErrorCode::kInvalidRequest},
      {broker, "log.retention.hours", 0, "5", ErrorCode::kInvalidRequest},
      {broker, "foo.bar", 0, "x", ErrorCode::kNone},
      {all, "listeners", 0, "PLAINTEXT://x:1", ErrorCode::kInvalidRequest},
      {{ConfigResourceType::kBroker, "abc"}, "log.retention.ms", 0, "5", ErrorCode::kInvalidRequest},
      {{ConfigResourceType::kBroker, "7"}, "log.retention.ms", 0, "5", ErrorCode::kInvalidRequest},
      {broker, "leader.replication.throttled.rate", 0, "5", ErrorCode::kNone},
      {broker, "leader.replication.throttled.rate", 0, "x", ErrorCode::kInvalidRequest},
      {all, "message.max.bytes", 0, "-5", ErrorCode::kInvalidRequest},
      {broker, "listener.name.plaintext.ssl.keystore.location", 0, "x", ErrorCode::kNone},
      {group, "consumer.session.timeout.ms", 0, "50000", ErrorCode::kNone},
      {group, "consumer.session.timeout.ms", 0, "5", ErrorCode::kInvalidConfig},
      {group, "foo", 0, "5", ErrorCode::kInvalidConfig},
      {{ConfigResourceType::kGroup, ""}, "consumer.session.timeout.ms", 0, "50000", ErrorCode::kInvalidRequest},
      {metrics, "metrics", 0, "*", ErrorCode::kNone},
      {metrics, "interval.ms", 0, "5", ErrorCode::kInvalidRequest},
      {metrics, "foo", 0, "5", ErrorCode::kInvalidRequest},
      {metrics, "match", 0, "foo=bar", ErrorCode::kInvalidConfig},
      {metrics, "match", 0, "client_id=a.*", ErrorCode::kNone},
      {{ConfigResourceType::kBrokerLogger, "1"}, "kafka", 0, "INFO", ErrorCode::kInvalidRequest},
  };
  for (const ConfigCase& c : cases) {
    IncrementalAlterConfigsRequest request;
    request.resources.push_back({static_cast<int8_t>(c.resource.type), c.resource.name, {{c.key, c.operation, c.value}}});
    const auto response = cluster.run(incremental_alter_configs, request);
    EXPECT_EQ(response.responses.at(0).error_code, c.code)
        << c.resource.name << " " << c.key << ": " << response.responses.at(0).error_message.value_or("");
  }
  EXPECT_EQ(*cluster.image->topic_config("beta").find("retention.ms"), "5");
}

TEST(AlterConfigs, lists_grow_and_shrink_from_what_is_in_effect) {
  Cluster cluster(1);
  cluster.run(create_topics, CreateTopicsRequest{{topic("beta")}});
  const auto edit = [&](int8_t operation, std::string value) {
    IncrementalAlterConfigsRequest request;
    request.resources.push_back({2, "beta", {{"cleanup.policy", operation, std::move(value)}}});
    EXPECT_EQ(cluster.run(incremental_alter_configs, request).responses.at(0).error_code, ErrorCode::kNone);
    return *cluster.image->topic_config("beta").find("cleanup.policy");
  };
  EXPECT_EQ(edit(2, "compact"), "delete,compact");
  EXPECT_EQ(edit(2, "compact"), "delete,compact");
  EXPECT_EQ(edit(3, "delete"), "compact");
  EXPECT_EQ(edit(3, "compact"), "");
}

TEST(AlterConfigs, repeats_are_refused_and_equal_values_write_nothing) {
  Cluster cluster(1);
  cluster.run(create_topics, CreateTopicsRequest{{topic("beta")}});
  IncrementalAlterConfigsRequest twice;
  twice.resources.push_back({2, "beta", {{"retention.ms", 0, "5"}, {"retention.ms", 0, "6"}}});
  EXPECT_EQ(cluster.run(incremental_alter_configs, twice).responses.at(0).error_code, ErrorCode::kInvalidRequest);
  IncrementalAlterConfigsRequest same;
  same.resources.push_back({2, "beta", {{"retention.ms", 0, "5"}}});
  same.resources.push_back({2, "beta", {{"flush.ms", 0, "5"}}});
  const auto answered = cluster.run(incremental_alter_configs, same).responses;
  ASSERT_EQ(answered.size(), 1u);
  EXPECT_EQ(answered[0].error_code, ErrorCode::kInvalidRequest);
  same.resources.pop_back();
  cluster.run(incremental_alter_configs, same);
  EXPECT_TRUE(incremental_alter_configs(cluster.context(), same).records.empty());
}

TEST(AlterConfigs, the_old_request_replaces_everything) {
  Cluster cluster(1);
  cluster.run(create_topics, CreateTopicsRequest{{configured("beta", "retention.ms", "5")}});
  AlterConfigsRequest request;
  request.resources.push_back({2, "beta", {{"flush.ms", "9"}}});
  request.validate_only = true;
  EXPECT_TRUE(alter_configs(cluster.context(), request).records.empty());
  request.validate_only = false;
  EXPECT_EQ(cluster.run(alter_configs, request).responses.at(0).error_code, ErrorCode::kNone);
  const ConfigMap& now = cluster.image->topic_config("beta");
  EXPECT_EQ(now.size(), 1u);
  EXPECT_EQ(*now.find("flush.ms"), "9");
}

// Property: leaders, and followers of each leader, spread evenly; no replica twice; racks are not shared while others are
// free. Fails when the stripe does not move on, or starts from the same broker for every partition.
TEST(Placement, spreads_evenly_over_brokers_and_racks) {
  for (const int racks : {0, 2, 3}) {
    for (int brokers = 1; brokers <= 9; ++brokers) {
      for (int factor = 1; factor <= std::min(brokers, 4); ++factor) {
        Cluster cluster(brokers, racks);
        const int count = brokers * 20;
        const auto placed =
            place_replicas(placement_brokers(*cluster.image), count, static_cast<int16_t>(factor), cluster.random);
        ASSERT_TRUE(placed.has_value());
        std::map<BrokerId, int> leaders;
        std::map<BrokerId, int> replicas;
        for (const auto& partition : *placed) {
          ASSERT_EQ(partition.size(), static_cast<size_t>(factor));
          EXPECT_EQ(std::set<BrokerId>(partition.begin(), partition.end()).size(), partition.size());
          ++leaders[partition.front()];
          std::set<std::string> racks_used;
          for (const BrokerId id : partition) {
            ++replicas[id];
            racks_used.insert(cluster.image->broker(id)->rack.value_or(""));
          }
          if (racks > 0) EXPECT_EQ(racks_used.size(), static_cast<size_t>(std::min({factor, racks, brokers})));
        }
        for (int id = 1; id <= brokers; ++id) EXPECT_EQ(leaders[BrokerId(id)], 20);
        const bool even_racks = racks == 0 || brokers % racks == 0;
        for (int id = 1; even_racks && id <= brokers; ++id) {
          EXPECT_NEAR(replicas[BrokerId(id)], 20 * factor, 20 * factor / 2.0)
              << racks << " racks, " << brokers << " brokers, rf " << factor;
        }
      }
    }
  }
}

TEST(Placement, fenced_brokers_are_the_last_resort) {
  Cluster cluster(3);
  cluster.apply({FenceBrokerRecord{BrokerId(2), 2}});
  const auto brokers = placement_brokers(*cluster.image);
  const auto two = place_replicas(brokers, 30, 2, cluster.random);
  for (const auto& partition : *two) EXPECT_EQ(std::ranges::count(partition, BrokerId(2)), 0);
  const auto three = place_replicas(brokers, 30, 3, cluster.random);
  for (const auto& partition : *three) EXPECT_EQ(partition.back(), BrokerId(2));
  cluster.apply({FenceBrokerRecord{BrokerId(1), 1}, FenceBrokerRecord{BrokerId(3), 3}});
  EXPECT_FALSE(place_replicas(placement_brokers(*cluster.image), 1, 1, cluster.random).has_value());
}

TEST(Brokers, fencing_moves_leadership_and_unfencing_gives_it_back) {
  Cluster cluster(2);
  cluster.run(create_topics, CreateTopicsRequest{{assigned("two", {{0, {1, 2}}}), assigned("one", {{0, {1}}})}});
  auto records = set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), true);
  ASSERT_TRUE(records.has_value());
  cluster.apply(*records);
  const Partition* two = cluster.image->topic("two")->partition(PartitionIndex(0));
  EXPECT_EQ(two->leader, BrokerId(2));
  EXPECT_THAT(two->isr, ElementsAre(BrokerId(2)));
  EXPECT_EQ(two->leader_epoch, LeaderEpoch(1));
  const Partition* one = cluster.image->topic("one")->partition(PartitionIndex(0));
  EXPECT_EQ(one->leader, kNoBroker);
  EXPECT_THAT(one->isr, ElementsAre(BrokerId(1))) << "the last in-sync replica stays";
  cluster.apply(*set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), false));
  EXPECT_EQ(cluster.image->topic("one")->partition(PartitionIndex(0))->leader, BrokerId(1));
  EXPECT_EQ(cluster.image->topic("two")->partition(PartitionIndex(0))->leader, BrokerId(2));
  EXPECT_TRUE(set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), false)->empty());
}

// Property: fencing that was applied in part is finished when it is asked for again. Fails when the broker's own flag, which
// comes first, is taken for the whole: partitions would stay without a leader.
TEST(Brokers, fencing_in_parts_is_finished) {
  Cluster cluster(2);
  cluster.run(create_topics, CreateTopicsRequest{{assigned("a", {{0, {1, 2}}}), assigned("b", {{0, {1, 2}}})}});
  for (const bool fenced : {true, false}) {
    const auto all = set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), fenced);
    ASSERT_TRUE(all.has_value());
    cluster.apply({all->front()});
    const auto rest = set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), fenced);
    ASSERT_TRUE(rest.has_value());
    EXPECT_EQ(rest->size(), all->size() - 1);
    cluster.apply(*rest);
    EXPECT_TRUE(set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), fenced)->empty());
  }
  for (const char* name : {"a", "b"}) {
    EXPECT_EQ(cluster.image->topic(name)->partition(PartitionIndex(0))->leader, BrokerId(2));
  }
}

TEST(Brokers, registrations_are_checked) {
  Cluster cluster(2);
  cluster.apply({FeatureLevelRecord{"metadata.version", 30}});
  MetadataImage named = *cluster.image;
  named.cluster_id = "c";
  cluster.image = std::make_shared<const MetadataImage>(named);
  BrokerRegistrationRequest good;
  good.broker_id = BrokerId(3);
  good.cluster_id = "c";
  good.features.push_back({"metadata.version", 7, 30});
  good.log_dirs = {Uuid{5, 5}};
  const auto code = [&](auto change) {
    BrokerRegistrationRequest request = good;
    change(request);
    const auto decided = register_broker(cluster.context(), request);
    return decided ? ErrorCode::kNone : decided.error().code();
  };
  EXPECT_EQ(code([](auto&) {}), ErrorCode::kNone);
  EXPECT_EQ(code([](auto& r) { r.cluster_id = "d"; }), ErrorCode::kInconsistentClusterId);
  EXPECT_EQ(code([](auto& r) { r.log_dirs.clear(); }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](auto& r) { r.log_dirs.push_back(r.log_dirs[0]); }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](auto& r) { r.log_dirs = {Uuid{0, 3}}; }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](auto& r) { r.log_dirs = {Uuid{1000, 2}}; }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](auto& r) { r.features.clear(); }), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(code([](auto& r) { r.features[0].max_supported_version = 29; }), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(register_broker(cluster.context(), good)->response, BrokerEpoch(77)) << "the offset of its record";
}

TEST(ProducerIds, blocks_do_not_overlap) {
  Cluster cluster(1);
  EXPECT_EQ(allocate_producer_ids(cluster.context(), BrokerId(1), BrokerEpoch(9)).error().code(), ErrorCode::kStaleBrokerEpoch);
  EXPECT_EQ(allocate_producer_ids(cluster.context(), BrokerId(5), BrokerEpoch(9)).error().code(),
            ErrorCode::kBrokerIdNotRegistered);
  for (int64_t block = 0; block < 3; ++block) {
    auto decision = allocate_producer_ids(cluster.context(), BrokerId(1), BrokerEpoch(1));
    ASSERT_TRUE(decision.has_value());
    EXPECT_EQ(decision->response, ProducerId(block * 1000));
    cluster.apply(decision->records);
  }
}

}  // namespace
}  // namespace weir::metadata
