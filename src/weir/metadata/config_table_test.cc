#include "weir/metadata/config_table.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "weir/metadata/describe_configs.h"
#include "weir/metadata/topic_config.h"

namespace weir::metadata {
namespace {

const ConfigScope kScopes[] = {ConfigScope::kTopic, ConfigScope::kBroker, ConfigScope::kGroup, ConfigScope::kClientMetrics};

std::string error_of(ConfigScope scope, std::string_view name, std::string_view text) {
  const ConfigOption* option = find_option(scope, name);
  if (option == nullptr) return "no such option";
  const auto parsed = parse_value(*option, text);
  return parsed ? "" : parsed.error().message();
}

// Property: every default passes its own check, and every row says what it is for.
// Fails when a row was written with a wrong type, range or member list.
TEST(ConfigTable, defaults_are_valid) {
  for (const ConfigScope scope : kScopes) {
    for (const ConfigOption& option : options_of(scope)) {
      EXPECT_FALSE(option.doc.empty()) << option.name;
      EXPECT_EQ(find_option(scope, option.name), &option);
      if (!option.default_value) continue;
      const auto parsed = parse_value(option, *option.default_value);
      EXPECT_TRUE(parsed.has_value()) << option.name << ": " << (parsed ? "" : parsed.error().message());
    }
  }
}

// Property: a topic option and the broker options it stands for have the same type family, and their defaults agree.
// Fails when a synonym names an option that is not there or the unit is wrong.
TEST(ConfigTable, broker_synonyms_agree_with_the_topic_option) {
  const MetadataImage image;
  const StaticConfig none;
  const ConfigContext context{image, none, BrokerId(1)};
  for (const ConfigOption& option : options_of(ConfigScope::kTopic)) {
    for (const BrokerSynonym& synonym : broker_synonyms(option.name)) {
      const ConfigOption* broker = find_option(ConfigScope::kBroker, synonym.broker_option);
      ASSERT_NE(broker, nullptr) << synonym.broker_option;
      if (!broker->default_value || broker->default_value->empty()) continue;
      if (synonym.unit == 1) {
        EXPECT_EQ(*broker->default_value, *option.default_value) << option.name;
      } else {
        EXPECT_EQ(std::stoll(std::string(*broker->default_value)) * synonym.unit, std::stoll(std::string(*option.default_value)));
      }
    }
  }
  EXPECT_EQ(effective_topic_config(context, {}), TopicConfig{});
}

// Property: no option of Kafka 4.3.1 is missing, and samples change the way they do there.
TEST(ConfigTable, has_all_options_of_kafka_and_knows_how_they_change) {
  const auto kafkas = [](ConfigScope scope) {
    return std::ranges::count_if(options_of(scope), [](const ConfigOption& option) { return !option.name.starts_with("weir."); });
  };
  EXPECT_EQ(kafkas(ConfigScope::kTopic), 34);
  EXPECT_EQ(kafkas(ConfigScope::kBroker), 360 + 3);  // and three that can only be set while brokers run
  EXPECT_EQ(kafkas(ConfigScope::kGroup), 17);
  EXPECT_EQ(kafkas(ConfigScope::kClientMetrics), 3);
  EXPECT_EQ(find_option(ConfigScope::kBroker, "message.max.bytes")->update, ConfigUpdate::kClusterWide);
  EXPECT_EQ(find_option(ConfigScope::kBroker, "listeners")->update, ConfigUpdate::kPerBroker);
  EXPECT_EQ(find_option(ConfigScope::kBroker, "log.dirs")->update, ConfigUpdate::kRestart);
  EXPECT_TRUE(find_option(ConfigScope::kBroker, "ssl.key.password")->is_sensitive());
}

struct Case {
  ConfigScope scope;
  const char* name;
  const char* text;
  const char* error;  // "" when good
};
const Case kCases[] = {
    {ConfigScope::kTopic, "retention.ms", "-1", ""},
    {ConfigScope::kTopic, "retention.ms", " 5 ", ""},
    {ConfigScope::kTopic, "retention.ms", "+5", ""},
    {ConfigScope::kTopic, "retention.ms", "-2", "retention.ms = \"-2\" is not a whole number (-1 .. 9223372036854775807)"},
    {ConfigScope::kTopic, "retention.ms", "7d", "retention.ms = \"7d\" is not a whole number (-1 .. 9223372036854775807)"},
    {ConfigScope::kTopic, "retention.ms", "", "retention.ms = \"\" is not a whole number (-1 .. 9223372036854775807)"},
    {ConfigScope::kTopic, "segment.bytes", "1048575",
     "segment.bytes = \"1048575\" is not a whole number (1048576 .. 2147483647)"},
    {ConfigScope::kTopic, "cleanup.policy", "compact, delete", ""},
    {ConfigScope::kTopic, "cleanup.policy", "", ""},
    {ConfigScope::kTopic, "cleanup.policy", "compact,compact", ""},
    {ConfigScope::kTopic, "cleanup.policy", "purge",
     "cleanup.policy = \"purge\" is not a list of compact, delete: \"purge\" is unknown"},
    {ConfigScope::kTopic, "compression.type", "brotli",
     "compression.type = \"brotli\" is not one of uncompressed, zstd, lz4, snappy, gzip, producer"},
    {ConfigScope::kTopic, "compression.gzip.level", "0", "compression.gzip.level = \"0\" is not a whole number (-1 or 1 .. 9)"},
    {ConfigScope::kTopic, "min.cleanable.dirty.ratio", "1.5", "min.cleanable.dirty.ratio = \"1.5\" is not a number (0 .. 1)"},
    {ConfigScope::kTopic, "preallocate", "TRUE", ""},
    {ConfigScope::kTopic, "preallocate", "yes", "preallocate = \"yes\" is neither true nor false"},
    {ConfigScope::kTopic, "leader.replication.throttled.replicas", "*", ""},
    {ConfigScope::kTopic, "leader.replication.throttled.replicas", "0:1,2:3", ""},
    {ConfigScope::kTopic, "leader.replication.throttled.replicas", "0-1",
     "leader.replication.throttled.replicas = \"0-1\" is not a list of partition:broker, or *"},
    {ConfigScope::kTopic, "remote.storage.enable", "false", ""},
    {ConfigScope::kTopic, "remote.storage.enable", "true",
     "remote.storage.enable = \"true\" cannot be used: tiered storage is not served yet"},
    {ConfigScope::kBroker, "group.consumer.migration.policy", "Upgrade", ""},
    {ConfigScope::kBroker, "process.roles", "", "process.roles = \"\" must not be empty"},
    {ConfigScope::kBroker, "ssl.key.password", "secret", ""},
    {ConfigScope::kBroker, "authorizer.class.name", "", ""},
    {ConfigScope::kBroker, "authorizer.class.name", "x.Y",
     "authorizer.class.name = \"x.Y\" cannot be used: authorisation is not served yet, and ignoring this would open the cluster"},
};

// Property: a value is taken or refused with the sentence that its writer needs.
TEST(ConfigTable, values_are_judged) {
  for (const Case& c : kCases) EXPECT_EQ(error_of(c.scope, c.name, c.text), c.error) << c.name << " = " << c.text;
}

// Property: a misspelt name finds its option, another word none.
TEST(ConfigTable, suggests_the_nearest_name) {
  EXPECT_EQ(nearest_option(ConfigScope::kBroker, "log.retention.hour"), "log.retention.hours");
  EXPECT_EQ(nearest_option(ConfigScope::kBroker, "num.partition"), "num.partitions");
  EXPECT_EQ(nearest_option(ConfigScope::kBroker, "zebra"), "");
}

// Property: the strongest place wins, in the order topic, broker, all brokers, file, default; and the synonyms list them.
TEST(TopicConfigs, precedence_follows_kafka) {
  MetadataImage image;
  StaticConfig fixed{{"log.retention.hours", "2"}, {"message.max.bytes", "5000"}};
  const ConfigContext context{image, fixed, BrokerId(1)};
  EXPECT_EQ(effective_topic_config(context, {}).retention_ms, 2 * 3'600'000);
  EXPECT_EQ(effective_topic_config(context, {}).max_message_bytes, 5000);

  ConfigMap all;
  all.set("log.retention.ms", "9");
  all.set("message.max.bytes", "6000");
  image.configs.set({ConfigResourceType::kBroker, ""}, all);
  EXPECT_EQ(effective_topic_config(context, {}).retention_ms, 9);
  ConfigMap own;
  own.set("message.max.bytes", "7000");
  image.configs.set({ConfigResourceType::kBroker, "1"}, own);
  ConfigMap overrides;
  overrides.set("max.message.bytes", "8000");
  EXPECT_EQ(effective_topic_config(context, overrides).max_message_bytes, 8000);
  EXPECT_EQ(effective_topic_config(context, {}).max_message_bytes, 7000);

  const auto rows = describe_topic_config(context, overrides);
  EXPECT_EQ(rows.size(), 34u);  // all but internal.segment.bytes
  for (const DescribedConfig& row : rows) {
    if (row.name != "max.message.bytes") continue;
    const std::vector<ConfigSynonym> expected = {
        {"max.message.bytes", "8000", ConfigSource::kTopic},
        {"message.max.bytes", "7000", ConfigSource::kDynamicBroker},
        {"message.max.bytes", "6000", ConfigSource::kDynamicDefaultBroker},
        {"message.max.bytes", "5000", ConfigSource::kStaticBroker},
        {"message.max.bytes", "1048588", ConfigSource::kDefault},
    };
    EXPECT_EQ(row.synonyms, expected);
    EXPECT_EQ(row.source, ConfigSource::kTopic);
    EXPECT_EQ(row.value, "8000");
  }
}

// Property: a broker option counts as set wherever somebody set it, to its default too. Fails when a value that happens to be the
// default is taken for none, and an option whose default in Weir is another keeps that.
TEST(BrokerConfigs, set_to_the_default_is_set) {
  constexpr std::string_view kName = "num.recovery.threads.per.data.dir";
  MetadataImage image;
  StaticConfig fixed;
  const ConfigContext context{image, fixed, BrokerId(1)};
  EXPECT_EQ(broker_number_set(context, kName), std::nullopt);
  EXPECT_EQ(effective_broker_number(context, kName), 2);
  fixed["num.recovery.threads.per.data.dir"] = "3";
  EXPECT_EQ(broker_number_set(context, kName), 3);
  ConfigMap all;
  all.set(std::string(kName), "2");
  image.configs.set({ConfigResourceType::kBroker, ""}, all);
  EXPECT_EQ(broker_number_set(context, kName), 2);
}

// Property: no secret leaves in a description, and what needs a restart is called read-only.
TEST(DescribeConfigs, broker_secrets_are_hidden_and_restart_options_are_read_only) {
  const MetadataImage image;
  const StaticConfig fixed{{"ssl.key.password", "secret"}, {"node.id", "1"}};
  bool seen = false;
  for (const DescribedConfig& row : describe_broker_config({image, fixed, BrokerId(1)})) {
    if (row.name == "node.id") {
      EXPECT_TRUE(row.read_only);
      EXPECT_EQ(row.source, ConfigSource::kStaticBroker);
    }
    if (row.name != "ssl.key.password") continue;
    seen = true;
    EXPECT_TRUE(row.sensitive);
    EXPECT_EQ(row.value, std::nullopt);
    EXPECT_EQ(row.synonyms.at(0).value, std::nullopt);
  }
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace weir::metadata
