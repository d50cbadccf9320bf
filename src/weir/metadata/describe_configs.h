// What DescribeConfigs answers about a resource: every option with value, source and synonyms.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/metadata/topic_config.h"

namespace weir::metadata {

// The numbers are those of DescribeConfigs.
enum class ConfigSource : int8_t {
  kUnknown = 0,
  kTopic = 1,
  kDynamicBroker = 2,
  kDynamicDefaultBroker = 3,
  kStaticBroker = 4,
  kDefault = 5,
  kDynamicBrokerLogger = 6,
  kClientMetrics = 7,
  kGroup = 8,
};

struct ConfigSynonym {
  std::string name;
  std::optional<std::string> value;  // null when sensitive
  ConfigSource source = ConfigSource::kUnknown;
  friend bool operator==(const ConfigSynonym&, const ConfigSynonym&) = default;
};

struct DescribedConfig {
  std::string name;
  std::optional<std::string> value;  // null when sensitive
  ConfigType type = ConfigType::kString;
  ConfigSource source = ConfigSource::kDefault;
  bool read_only = false;
  bool sensitive = false;
  std::vector<ConfigSynonym> synonyms;  // in order of precedence
  std::string_view doc;
};

// Sorted by name; internal options are left out.
std::vector<DescribedConfig> describe_topic_config(const ConfigContext& context, const ConfigMap& overrides);
// Of context.broker: options of the table, and dynamic values under other names (listener.name.x...).
std::vector<DescribedConfig> describe_broker_config(const ConfigContext& context);
// Only what is set as the dynamic default of all brokers.
std::vector<DescribedConfig> describe_broker_defaults(const ConfigContext& context);
std::vector<DescribedConfig> describe_group_config(const ConfigContext& context, std::string_view group);
// Only what is set.
std::vector<DescribedConfig> describe_client_metrics_config(const ConfigContext& context, std::string_view subscription);

}  // namespace weir::metadata
