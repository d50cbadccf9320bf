#include "weir/metadata/controller/config_resources.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "weir/metadata/controller/topic_names.h"

namespace weir::metadata {
namespace {

constexpr int64_t kMetricsIntervalMinMs = 100;
constexpr int64_t kMetricsIntervalMaxMs = 3'600'000;

std::optional<ConfigScope> scope_of(ConfigResourceType type) {
  switch (type) {
    case ConfigResourceType::kTopic: return ConfigScope::kTopic;
    case ConfigResourceType::kBroker: return ConfigScope::kBroker;
    case ConfigResourceType::kGroup: return ConfigScope::kGroup;
    case ConfigResourceType::kClientMetrics: return ConfigScope::kClientMetrics;
    case ConfigResourceType::kBrokerLogger: return std::nullopt;
  }
  return std::nullopt;
}

std::string_view word_for(ConfigResourceType type) {
  switch (type) {
    case ConfigResourceType::kTopic: return "topic";
    case ConfigResourceType::kBroker: return "broker";
    case ConfigResourceType::kGroup: return "group";
    default: return "client metrics";
  }
}

std::unexpected<Error> invalid_request(std::string message) { return fail(ErrorCode::kInvalidRequest, std::move(message)); }

Result<void> check_topic_resource(const ControllerContext& context, const std::string& name) {
  if (name.empty()) return invalid_request("topics have no common default: name one topic");
  WEIR_CHECK(check_topic_name(name));
  if (context.image.topic(std::string_view(name)) == nullptr) {
    return fail(ErrorCode::kUnknownTopicOrPartition, fmt::format("topic \"{}\" does not exist", name));
  }
  return {};
}

Result<void> check_broker_resource(const ControllerContext& context, const std::string& name) {
  if (name.empty()) return {};  // the default of all brokers
  int32_t id = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc() || end != name.data() + name.size() || id < 0) {
    return invalid_request(fmt::format("\"{}\" is not a broker's id", name));
  }
  if (context.image.broker(BrokerId(id)) == nullptr && !context.image.controllers.contains(BrokerId(id))) {
    return invalid_request(fmt::format("no node {} is registered", id));
  }
  return {};
}

// "software_name=regex, ..." of a client metrics subscription.
Result<void> check_metrics_match(const std::string& value) {
  static constexpr std::string_view kSelectors[] = {"client_instance_id",    "client_id",
                                                    "client_software_name",  "client_software_version",
                                                    "client_source_address", "client_source_port"};
  std::string_view rest = value;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    std::string_view part = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    while (part.starts_with(' ')) part.remove_prefix(1);
    const size_t equals = part.find('=');
    const std::string_view selector = part.substr(0, equals);
    if (equals == std::string_view::npos || std::ranges::find(kSelectors, selector) == std::end(kSelectors)) {
      return fail(ErrorCode::kInvalidConfig, fmt::format("match: \"{}\" does not select clients", part));
    }
  }
  return {};
}

// Which code Kafka answers with differs by resource.
ErrorCode code_of_bad_value(const ConfigResource& resource) {
  const bool of_request = resource.type == ConfigResourceType::kBroker || resource.type == ConfigResourceType::kClientMetrics;
  return of_request ? ErrorCode::kInvalidRequest : ErrorCode::kInvalidConfig;
}

// "consumer.session.timeout.ms" of a group lies between the broker's "group.consumer.min.session.timeout.ms" and "...max...".
Result<void> check_group_bounds(const ControllerContext& context, const std::string& key, const ConfigValue& value) {
  const size_t dot = key.find('.');
  if (dot == std::string::npos || !std::holds_alternative<int64_t>(value)) return {};
  for (const std::string_view bound : {"min", "max"}) {
    const std::string name = fmt::format("group.{}.{}.{}", key.substr(0, dot), bound, key.substr(dot + 1));
    if (find_option(ConfigScope::kBroker, name) == nullptr) continue;
    const int64_t limit = effective_broker_number(context.configs(), name);
    const int64_t number = std::get<int64_t>(value);
    if (bound == "min" ? number < limit : number > limit) {
      return fail(ErrorCode::kInvalidConfig,
                  fmt::format("{} = {} is {} {} = {}", key, number, bound == "min" ? "below" : "above", name, limit));
    }
  }
  return {};
}

}  // namespace

Result<ConfigResource> find_config_resource(const ControllerContext& context, int8_t type, const std::string& name) {
  const auto resource_type = static_cast<ConfigResourceType>(type);
  if (!scope_of(resource_type)) {
    return invalid_request(fmt::format("resources of type {} have no configuration kept by the cluster", type));
  }
  if (resource_type == ConfigResourceType::kTopic) WEIR_CHECK(check_topic_resource(context, name));
  if (resource_type == ConfigResourceType::kBroker) WEIR_CHECK(check_broker_resource(context, name));
  if (name.empty() && resource_type != ConfigResourceType::kBroker) {
    return invalid_request(fmt::format("name the {} whose configuration is meant", word_for(resource_type)));
  }
  return ConfigResource{resource_type, name};
}

const ConfigOption* option_for(const ConfigResource& resource, const std::string& key) {
  const auto scope = scope_of(resource.type);
  return scope ? find_option(*scope, key) : nullptr;
}

Result<void> check_key_may_change(const ConfigResource& resource, const std::string& key) {
  if (resource.type != ConfigResourceType::kBroker) return {};
  const ConfigOption* option = option_for(resource, key);
  if (option == nullptr) return {};
  if (option->update == ConfigUpdate::kRestart) {
    return invalid_request(fmt::format("{} cannot be changed while the broker runs: set it in the configuration file", key));
  }
  // Kafka can open and close listeners while it runs. To take the value and do nothing would be a lie.
  if (key == "listeners" || key == "listener.security.protocol.map") {
    return invalid_request(fmt::format("{} cannot be changed while the broker runs yet: set it in the configuration file", key));
  }
  if (option->update == ConfigUpdate::kPerBroker && resource.name.empty()) {
    return invalid_request(fmt::format("{} cannot be set for all brokers: name a broker", key));
  }
  return {};
}

Result<void> check_new_value(const ControllerContext& context, const ConfigResource& resource, const std::string& key,
                             const std::string& value) {
  const ConfigOption* option = option_for(resource, key);
  if (option == nullptr) {
    if (resource.type == ConfigResourceType::kBroker) return {};  // listener prefixes, plugins
    const std::string_view nearest = nearest_option(*scope_of(resource.type), key);
    return fail(code_of_bad_value(resource),
                fmt::format("unknown {} option \"{}\"{}", word_for(resource.type), key,
                            nearest.empty() ? std::string() : fmt::format(": did you mean {}?", nearest)));
  }
  const Result<ConfigValue> parsed = parse_value(*option, value);
  if (!parsed) return fail(code_of_bad_value(resource), parsed.error().message());
  if (resource.type == ConfigResourceType::kGroup) return check_group_bounds(context, key, *parsed);
  if (resource.type == ConfigResourceType::kClientMetrics && key == "match") return check_metrics_match(value);
  if (resource.type == ConfigResourceType::kClientMetrics && key == "interval.ms") {
    const int64_t interval = std::get<int64_t>(*parsed);
    if (interval < kMetricsIntervalMinMs || interval > kMetricsIntervalMaxMs) {
      return invalid_request(
          fmt::format("interval.ms = {} is not within {} .. {}", interval, kMetricsIntervalMinMs, kMetricsIntervalMaxMs));
    }
  }
  return {};
}

Result<void> check_together(const ControllerContext& context, const ConfigResource& resource, const ConfigMap& values) {
  if (resource.type != ConfigResourceType::kTopic) return {};
  const TopicConfig config = effective_topic_config(context.configs(), values);
  if (config.min_compaction_lag_ms > config.max_compaction_lag_ms) {
    return fail(ErrorCode::kInvalidConfig, fmt::format("min.compaction.lag.ms ({}) is above max.compaction.lag.ms ({})",
                                                       config.min_compaction_lag_ms, config.max_compaction_lag_ms));
  }
  return {};
}

}  // namespace weir::metadata
