#include "weir/metadata/describe_configs.h"

namespace weir::metadata {
namespace {

std::optional<std::string> shown(const ConfigOption* option, const std::string& value) {
  // An option we do not know may be a secret (Kafka hides those too).
  if (option == nullptr || option->is_sensitive()) return std::nullopt;
  return value;
}

// Every place where broker option `name` has a value, strongest first.
std::vector<ConfigSynonym> broker_places(const ConfigContext& context, std::string_view name) {
  std::vector<ConfigSynonym> places;
  const ConfigOption* option = find_option(ConfigScope::kBroker, name);
  const auto add = [&](const std::string& value, ConfigSource source) {
    places.push_back({std::string(name), shown(option, value), source});
  };
  const ConfigMap& own = context.image.config({ConfigResourceType::kBroker, std::to_string(context.broker.value())});
  if (const std::string* value = own.find(name)) add(*value, ConfigSource::kDynamicBroker);
  if (const std::string* value = context.image.config({ConfigResourceType::kBroker, ""}).find(name)) {
    add(*value, ConfigSource::kDynamicDefaultBroker);
  }
  const auto fixed = context.fixed.find(name);
  if (fixed != context.fixed.end()) add(fixed->second, ConfigSource::kStaticBroker);
  if (option != nullptr && option->default_value) add(std::string(*option->default_value), ConfigSource::kDefault);
  return places;
}

DescribedConfig row_of(const ConfigOption& option) {
  DescribedConfig row;
  row.name = option.name;
  row.type = option.type;
  row.sensitive = option.is_sensitive();
  row.doc = option.doc;
  return row;
}

ConfigSource strongest(const std::vector<ConfigSynonym>& synonyms) {
  return synonyms.empty() ? ConfigSource::kDefault : synonyms.front().source;
}

// A value set under a name that is not in the table.
DescribedConfig unknown_row(std::string_view name, ConfigSource source) {
  DescribedConfig row;
  row.name = name;
  row.sensitive = true;
  row.source = source;
  row.synonyms.push_back({row.name, std::nullopt, source});
  return row;
}

}  // namespace

std::vector<DescribedConfig> describe_topic_config(const ConfigContext& context, const ConfigMap& overrides) {
  std::vector<DescribedConfig> rows;
  for (const ConfigOption& option : options_of(ConfigScope::kTopic)) {
    if (option.internal) continue;
    DescribedConfig row = row_of(option);
    row.value = effective_topic_value(context, overrides, option);
    if (const std::string* value = overrides.find(option.name)) {
      row.synonyms.push_back({row.name, *value, ConfigSource::kTopic});
    }
    // Kafka lists the places of the first broker name only (log.retention.ms, not .hours).
    const auto names = broker_synonyms(option.name);
    if (!names.empty()) {
      for (ConfigSynonym& place : broker_places(context, names.front().broker_option)) row.synonyms.push_back(std::move(place));
    }
    row.source = strongest(row.synonyms);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<DescribedConfig> describe_broker_config(const ConfigContext& context) {
  std::vector<DescribedConfig> rows;
  for (const ConfigOption& option : options_of(ConfigScope::kBroker)) {
    if (option.internal) continue;
    DescribedConfig row = row_of(option);
    row.synonyms = broker_places(context, option.name);
    row.source = strongest(row.synonyms);
    if (option.only_dynamic && row.source == ConfigSource::kDefault) continue;
    row.read_only = option.update == ConfigUpdate::kRestart;
    const auto value = effective_broker_value(context, option.name);
    if (value) row.value = shown(&option, *value);
    rows.push_back(std::move(row));
  }
  const ConfigMap& own = context.image.config({ConfigResourceType::kBroker, std::to_string(context.broker.value())});
  for (const auto& [name, value] : own) {
    if (find_option(ConfigScope::kBroker, name) == nullptr) rows.push_back(unknown_row(name, ConfigSource::kDynamicBroker));
  }
  return rows;
}

std::vector<DescribedConfig> describe_broker_defaults(const ConfigContext& context) {
  std::vector<DescribedConfig> rows;
  for (const auto& [name, value] : context.image.config({ConfigResourceType::kBroker, ""})) {
    const ConfigOption* option = find_option(ConfigScope::kBroker, name);
    if (option == nullptr) {
      rows.push_back(unknown_row(name, ConfigSource::kDynamicDefaultBroker));
      continue;
    }
    DescribedConfig row = row_of(*option);
    row.value = shown(option, value);
    row.source = ConfigSource::kDynamicDefaultBroker;
    row.read_only = option->update == ConfigUpdate::kRestart;
    row.synonyms.push_back({row.name, row.value, row.source});
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<DescribedConfig> describe_group_config(const ConfigContext& context, std::string_view group) {
  const ConfigMap& set = context.image.config({ConfigResourceType::kGroup, std::string(group)});
  std::vector<DescribedConfig> rows;
  for (const ConfigOption& option : options_of(ConfigScope::kGroup)) {
    DescribedConfig row = row_of(option);
    // "consumer.session.timeout.ms" of a group falls back to the broker's "group.consumer.session.timeout.ms".
    const std::string broker_name = "group." + row.name;
    const auto fallback = effective_broker_value(context, broker_name);
    if (const std::string* value = set.find(option.name)) {
      row.synonyms.push_back({row.name, *value, ConfigSource::kGroup});
    }
    if (fallback) {
      row.synonyms.push_back({row.name, *fallback, ConfigSource::kDefault});
    } else if (option.default_value) {
      row.synonyms.push_back({row.name, std::string(*option.default_value), ConfigSource::kDefault});
    }
    row.source = strongest(row.synonyms);
    if (!row.synonyms.empty()) row.value = row.synonyms.front().value;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<DescribedConfig> describe_client_metrics_config(const ConfigContext& context, std::string_view subscription) {
  std::vector<DescribedConfig> rows;
  for (const auto& [name, value] : context.image.config({ConfigResourceType::kClientMetrics, std::string(subscription)})) {
    const ConfigOption* option = find_option(ConfigScope::kClientMetrics, name);
    if (option == nullptr) continue;
    DescribedConfig row = row_of(*option);
    row.value = value;
    row.source = ConfigSource::kClientMetrics;
    row.synonyms.push_back({row.name, value, row.source});
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace weir::metadata
