// What the configuration comes to for a partition: each honoured option reaches it, from each place, the nearest first.
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "weir/metadata/config_table.h"
#include "weir/metadata/delta.h"
#include "weir/metadata/records.h"
#include "weir/replication/partition_config.h"

namespace weir::replication {
namespace {

using metadata::ConfigOption;
using metadata::ConfigResourceType;
using metadata::ConfigScope;

// Every field, so that a change of any is seen.
std::string fields_of(const PartitionConfig& config) {
  const storage::LogOptions& log = config.log;
  const record::ValidationRules& rules = config.rules;
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} | {} {} {} {} {} {} {} | {}", log.segment_bytes, log.segment_ms, log.segment_jitter_ms,
                     log.segment_index_bytes, log.index_interval_bytes, log.flush_messages, log.flush_ms, log.flush_on_ack, log.retention_ms,
                     log.retention_bytes, log.cleanup_delete, log.file_delete_delay_ms, log.producer_id_expiration_ms, rules.batch_bytes_max,
                     static_cast<int>(rules.timestamp_type), rules.timestamp_before_max_ms, rules.timestamp_after_max_ms, rules.keys_required,
                     rules.compression ? static_cast<int>(*rules.compression) : -1, rules.compression_level, config.min_insync_replicas);
}

// A cluster of one topic, with values in the places where they can stand.
struct Cluster {
  metadata::StaticConfig fixed;
  std::map<std::string, std::string> defaults;  // of all brokers, dynamic
  std::map<std::string, std::string> own;       // of broker 1, dynamic
  std::map<std::string, std::string> overrides;

  std::string partition() const {
    metadata::MetadataDelta delta(std::make_shared<const metadata::MetadataImage>());
    const auto add = [&](metadata::MetadataRecord record) { EXPECT_TRUE(delta.apply(record, Offset(1))); };
    protocol::TopicRecord topic;
    topic.name = "t";
    topic.topic_id = Uuid{7, 7};
    add(topic);
    protocol::PartitionRecord partition;
    partition.topic_id = topic.topic_id;
    partition.replicas = partition.isr = {BrokerId(1)};
    partition.leader = BrokerId(1);
    add(partition);
    const auto set = [&](ConfigResourceType type, std::string name, const std::map<std::string, std::string>& values) {
      for (const auto& [key, value] : values) add(protocol::ConfigRecord{static_cast<int8_t>(type), name, key, value});
    };
    set(ConfigResourceType::kBroker, "", defaults);
    set(ConfigResourceType::kBroker, "1", own);
    set(ConfigResourceType::kTopic, "t", overrides);
    const metadata::ImageRef image = delta.finish();
    return fields_of(partition_config({*image, fixed, BrokerId(1)}, *image->topic("t")));
  }
};

// A good value that is not the default.
std::string another_value(const ConfigOption& option) {
  for (const char* text : {"false", "true", "compact", "lz4", "LogAppendTime", "7", "2000000", "7000000"}) {
    if (option.default_value && text == *option.default_value) continue;
    if (metadata::parse_value(option, text)) return text;
  }
  return "";
}

// What an option needs beside it to be seen at all.
std::map<std::string, std::string> company_of(std::string_view name) {
  if (name.starts_with("compression.") && name.ends_with(".level")) return {{"compression.type", std::string(name.substr(12, name.size() - 18))}};
  return {};
}

// Property: every topic option that the table calls honoured changes what a partition does. Fails when an option is called
// honoured and nothing reads it, which is a promise that nobody keeps.
TEST(PartitionConfig, every_honoured_topic_option_reaches_the_partition) {
  int honoured = 0;
  for (const ConfigOption& option : metadata::options_of(ConfigScope::kTopic)) {
    if (metadata::status_of(option.effect) != metadata::ConfigStatus::kHonoured) continue;
    ++honoured;
    Cluster cluster{.overrides = company_of(option.name)};
    const std::string before = cluster.partition();
    cluster.overrides[std::string(option.name)] = another_value(option);
    EXPECT_NE(cluster.partition(), before) << option.name << " = " << another_value(option);
  }
  EXPECT_GT(honoured, 15);
}

// Property: topic option > this broker's > all brokers' > the file's > the default, for each broker option that is a topic
// option's default. Fails when a place is left out or two are the wrong way round.
TEST(PartitionConfig, the_nearest_place_wins) {
  for (const ConfigOption& option : metadata::options_of(ConfigScope::kTopic)) {
    if (metadata::status_of(option.effect) != metadata::ConfigStatus::kHonoured) continue;
    const std::string standard(*option.default_value);
    for (const metadata::BrokerSynonym& synonym : metadata::broker_synonyms(option.name)) {
      const ConfigOption& broker = *metadata::find_option(ConfigScope::kBroker, synonym.broker_option);
      const std::string name(broker.name);
      const std::string other = another_value(broker);
      const std::string usual = synonym.unit == 1 || !broker.default_value ? standard : std::string(*broker.default_value);
      if (synonym.unit != 1 && !broker.default_value) continue;  // the same in other units: log.retention.minutes
      Cluster cluster{.overrides = company_of(option.name)};
      const std::string with_default = cluster.partition();
      cluster.fixed[name] = other;
      const std::string with_other = cluster.partition();
      EXPECT_NE(with_other, with_default) << name << " in the file";
      cluster.defaults[name] = usual;
      EXPECT_EQ(cluster.partition(), with_default) << name << " of all brokers over the file";
      cluster.own[name] = other;
      EXPECT_EQ(cluster.partition(), with_other) << name << " of this broker over all";
      cluster.overrides[std::string(option.name)] = standard;
      EXPECT_EQ(cluster.partition(), with_default) << option.name << " of the topic over its broker";
    }
  }
}

// Property: producer.id.expiration.ms, which no topic option stands for, reaches the logs too.
TEST(PartitionConfig, producers_expire_as_the_broker_says) {
  Cluster cluster;
  const std::string before = cluster.partition();
  cluster.own["producer.id.expiration.ms"] = "5000";
  EXPECT_NE(cluster.partition(), before);
}

}  // namespace
}  // namespace weir::replication
