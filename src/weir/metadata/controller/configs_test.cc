// Changing configurations, change by change. Expected codes were observed on Apache Kafka 4.3.1 with its Admin client.
#include "weir/metadata/controller/configs.h"
#include "weir/metadata/controller/controller_fixture_test.h"

namespace weir::metadata {
namespace {

struct ConfigCase {
  ConfigResource resource;
  const char* key;
  int8_t operation;  // 0 set, 1 delete, 2 append, 3 subtract
  std::optional<std::string> value;
  ErrorCode code;
};

// Property: each change of each kind of resource is taken or refused with Kafka's code.
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

// Property: APPEND and SUBTRACT begin with the list in effect, set or not.
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

// Property: a key or resource named twice is refused, and a value that is set already costs no record.
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

// Property: what the old request does not name is gone.
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

}  // namespace
}  // namespace weir::metadata
