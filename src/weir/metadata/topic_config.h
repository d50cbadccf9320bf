// The configuration a topic really has: its own overrides, else what the brokers say, else the default.
//
// Precedence, as Kafka's: topic override, this broker's dynamic value, the dynamic default of all brokers, this node's
// configuration file, the option's default. Options with several broker names (log.retention.ms, .minutes, .hours) take the
// first name that is set anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "weir/metadata/config_table.h"
#include "weir/metadata/image.h"
#include "weir/metadata/static_config.h"

namespace weir::metadata {

// Where values are looked up, for one broker.
struct ConfigContext {
  const MetadataImage& image;
  const StaticConfig& fixed;
  BrokerId broker;
};

enum class FlushOnAck : uint8_t { kAuto, kAlways, kNever };
enum class TimestampType : uint8_t { kCreateTime, kLogAppendTime };

struct TopicConfig {
  bool cleanup_delete = true;
  bool cleanup_compact = false;
  std::string compression_type = "producer";
  int32_t compression_gzip_level = -1;
  int32_t compression_lz4_level = 9;
  int32_t compression_zstd_level = 3;
  int64_t delete_retention_ms = 86'400'000;
  int64_t file_delete_delay_ms = 60'000;
  int64_t flush_messages = INT64_MAX;
  int64_t flush_ms = INT64_MAX;
  int32_t index_interval_bytes = 4096;
  int64_t max_compaction_lag_ms = INT64_MAX;
  int32_t max_message_bytes = 1'048'588;
  int64_t message_timestamp_after_max_ms = 3'600'000;
  int64_t message_timestamp_before_max_ms = INT64_MAX;
  TimestampType message_timestamp_type = TimestampType::kCreateTime;
  double min_cleanable_dirty_ratio = 0.5;
  int64_t min_compaction_lag_ms = 0;
  int32_t min_insync_replicas = 1;
  int64_t retention_bytes = -1;
  int64_t retention_ms = 604'800'000;
  int32_t segment_bytes = 1 << 30;
  int32_t segment_index_bytes = 10 << 20;
  int64_t segment_jitter_ms = 0;
  int64_t segment_ms = 604'800'000;
  bool unclean_leader_election = false;
  FlushOnAck flush_on_ack = FlushOnAck::kAuto;

  // Whether acks=all waits for a flush, for a topic of so many replicas.
  bool flushes_on_ack(size_t replicas) const {
    return flush_on_ack == FlushOnAck::kAlways || (flush_on_ack == FlushOnAck::kAuto && replicas <= 1);
  }
  friend bool operator==(const TopicConfig&, const TopicConfig&) = default;
};

// The typed configuration of a topic with these overrides (image.topic_config(name)). Values that do not parse (written by
// another version) count as not set.
TopicConfig effective_topic_config(const ConfigContext& context, const ConfigMap& overrides);

// One value as text: of a topic option, and of a broker option. Nothing: null.
std::optional<std::string> effective_topic_value(const ConfigContext& context, const ConfigMap& overrides,
                                                 const ConfigOption& option);
std::optional<std::string> effective_broker_value(const ConfigContext& context, std::string_view name);
// A broker option that is a whole number (or a boolean as 0 and 1), with its default; the option must exist and have one.
int64_t effective_broker_number(const ConfigContext& context, std::string_view name);
// The same, where somebody has set it, be it to its default: for options whose default in Weir is not Kafka's.
std::optional<int64_t> broker_number_set(const ConfigContext& context, std::string_view name);

}  // namespace weir::metadata
