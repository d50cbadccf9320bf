#include "weir/metadata/topic_config.h"

#include <algorithm>

#include "weir/base/assert.h"

namespace weir::metadata {
namespace {

// The value set for a broker option anywhere but in its default.
std::optional<std::string> broker_value_set(const ConfigContext& context, std::string_view name) {
  const ConfigMap& own = context.image.config({ConfigResourceType::kBroker, std::to_string(context.broker.value())});
  if (const std::string* value = own.find(name)) return *value;
  if (const std::string* value = context.image.config({ConfigResourceType::kBroker, ""}).find(name)) return *value;
  const auto fixed = context.fixed.find(name);
  if (fixed != context.fixed.end()) return fixed->second;
  return std::nullopt;
}

std::optional<std::string> default_of(const ConfigOption& option) {
  if (!option.default_value) return std::nullopt;
  return std::string(*option.default_value);
}

std::optional<int64_t> as_number(const ConfigOption& option, std::string_view text) {
  const Result<ConfigValue> parsed = parse_value(option, text);
  if (!parsed) return std::nullopt;
  if (const int64_t* number = std::get_if<int64_t>(&*parsed)) return *number;
  if (const bool* flag = std::get_if<bool>(&*parsed)) return *flag ? 1 : 0;
  return std::nullopt;
}

std::string scaled(const std::string& value, int64_t unit, std::string_view broker_option) {
  if (unit == 1) return value;
  const ConfigOption* option = find_option(ConfigScope::kBroker, broker_option);
  WEIR_ASSERT(option != nullptr, broker_option);
  const Result<ConfigValue> parsed = parse_value(*option, value);
  if (!parsed || !std::holds_alternative<int64_t>(*parsed)) return value;
  const int64_t number = std::get<int64_t>(*parsed);
  if (number < 0) return "-1";
  return std::to_string(number > INT64_MAX / unit ? INT64_MAX : number * unit);
}

// Reads typed values of one topic.
class TopicReader {
 public:
  TopicReader(const ConfigContext& context, const ConfigMap& overrides) : context_(context), overrides_(overrides) {}

  template <typename T>
  void number(std::string_view name, T& into) const {
    const auto value = parsed<int64_t>(name);
    if (value) into = static_cast<T>(*value);
  }
  void real(std::string_view name, double& into) const { take(name, into); }
  void flag(std::string_view name, bool& into) const { take(name, into); }
  void text(std::string_view name, std::string& into) const { take(name, into); }
  template <typename T>
  std::optional<T> parsed(std::string_view name) const {
    const ConfigOption* option = find_option(ConfigScope::kTopic, name);
    WEIR_ASSERT(option != nullptr, name);
    const std::optional<std::string> value = effective_topic_value(context_, overrides_, *option);
    if (!value) return std::nullopt;
    const Result<ConfigValue> result = parse_value(*option, *value);
    if (!result || !std::holds_alternative<T>(*result)) return std::nullopt;
    return std::get<T>(*result);
  }

 private:
  template <typename T>
  void take(std::string_view name, T& into) const {
    if (auto value = parsed<T>(name)) into = std::move(*value);
  }
  const ConfigContext& context_;
  const ConfigMap& overrides_;
};

}  // namespace

std::optional<std::string> effective_topic_value(const ConfigContext& context, const ConfigMap& overrides,
                                                 const ConfigOption& option) {
  if (const std::string* value = overrides.find(option.name)) return *value;
  for (const BrokerSynonym& synonym : broker_synonyms(option.name)) {
    const auto value = broker_value_set(context, synonym.broker_option);
    if (value) return scaled(*value, synonym.unit, synonym.broker_option);
  }
  return default_of(option);
}

std::optional<std::string> effective_broker_value(const ConfigContext& context, std::string_view name) {
  if (auto value = broker_value_set(context, name)) return value;
  const ConfigOption* option = find_option(ConfigScope::kBroker, name);
  return option == nullptr ? std::nullopt : default_of(*option);
}

int64_t effective_broker_number(const ConfigContext& context, std::string_view name) {
  const ConfigOption* option = find_option(ConfigScope::kBroker, name);
  WEIR_ASSERT(option != nullptr && option->default_value.has_value(), name);
  if (const auto number = broker_number_set(context, name)) return *number;
  const auto number = as_number(*option, *option->default_value);
  WEIR_ASSERT(number.has_value(), name);
  return *number;
}

std::optional<int64_t> broker_number_set(const ConfigContext& context, std::string_view name) {
  const ConfigOption* option = find_option(ConfigScope::kBroker, name);
  WEIR_ASSERT(option != nullptr, name);
  const auto value = broker_value_set(context, name);
  return value ? as_number(*option, *value) : std::nullopt;
}

TopicConfig effective_topic_config(const ConfigContext& context, const ConfigMap& overrides) {
  const TopicReader read(context, overrides);
  TopicConfig config;
  if (const auto policies = read.parsed<std::vector<std::string>>("cleanup.policy")) {
    config.cleanup_delete = std::ranges::find(*policies, "delete") != policies->end();
    config.cleanup_compact = std::ranges::find(*policies, "compact") != policies->end();
  }
  read.text("compression.type", config.compression_type);
  read.number("compression.gzip.level", config.compression_gzip_level);
  read.number("compression.lz4.level", config.compression_lz4_level);
  read.number("compression.zstd.level", config.compression_zstd_level);
  read.number("delete.retention.ms", config.delete_retention_ms);
  read.number("file.delete.delay.ms", config.file_delete_delay_ms);
  read.number("flush.messages", config.flush_messages);
  read.number("flush.ms", config.flush_ms);
  read.number("index.interval.bytes", config.index_interval_bytes);
  read.number("max.compaction.lag.ms", config.max_compaction_lag_ms);
  read.number("max.message.bytes", config.max_message_bytes);
  read.number("message.timestamp.after.max.ms", config.message_timestamp_after_max_ms);
  read.number("message.timestamp.before.max.ms", config.message_timestamp_before_max_ms);
  if (const auto type = read.parsed<std::string>("message.timestamp.type")) {
    config.message_timestamp_type = *type == "LogAppendTime" ? TimestampType::kLogAppendTime : TimestampType::kCreateTime;
  }
  read.real("min.cleanable.dirty.ratio", config.min_cleanable_dirty_ratio);
  read.number("min.compaction.lag.ms", config.min_compaction_lag_ms);
  read.number("min.insync.replicas", config.min_insync_replicas);
  read.number("retention.bytes", config.retention_bytes);
  read.number("retention.ms", config.retention_ms);
  read.number("segment.bytes", config.segment_bytes);
  read.number("segment.index.bytes", config.segment_index_bytes);
  read.number("segment.jitter.ms", config.segment_jitter_ms);
  read.number("segment.ms", config.segment_ms);
  read.flag("unclean.leader.election.enable", config.unclean_leader_election);
  if (const auto flush = read.parsed<std::string>("weir.flush.on.ack")) {
    config.flush_on_ack = *flush == "true" ? FlushOnAck::kAlways : *flush == "false" ? FlushOnAck::kNever : FlushOnAck::kAuto;
  }
  return config;
}

}  // namespace weir::metadata
