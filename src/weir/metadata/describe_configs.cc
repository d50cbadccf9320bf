#include "weir/metadata/describe_configs.h"

#include <algorithm>

namespace weir::metadata {
namespace {

std::optional<std::string> shown(const ConfigOption* option, const std::string& value) {
  // An option we do not know may be a secret (Kafka hides those too).
  if (option == nullptr || option->is_sensitive()) return std::nullopt;
  return value;
}

// Every place where one of the broker options `names` (the first is the strongest) has a value, strongest place first.
std::vector<ConfigSynonym> broker_places(const ConfigContext& context, const std::vector<std::string_view>& names) {
  std::vector<ConfigSynonym> places;
  const auto add = [&](std::string_view name, const std::string& value, ConfigSource source) {
    places.push_back({std::string(name), shown(find_option(ConfigScope::kBroker, name), value), source});
  };
  const auto add_dynamic = [&](const std::string& broker, ConfigSource source) {
    const ConfigMap& values = context.image.config({ConfigResourceType::kBroker, broker});
    for (const std::string_view name : names) {
      if (const std::string* value = values.find(name)) add(name, *value, source);
    }
  };
  add_dynamic(std::to_string(context.broker.value()), ConfigSource::kDynamicBroker);
  add_dynamic("", ConfigSource::kDynamicDefaultBroker);
  for (const std::string_view name : names) {
    const auto fixed = context.fixed.find(name);
    if (fixed != context.fixed.end()) add(name, fixed->second, ConfigSource::kStaticBroker);
  }
  for (const std::string_view name : names) {
    const ConfigOption* option = find_option(ConfigScope::kBroker, name);
    if (option != nullptr && option->default_value) add(name, std::string(*option->default_value), ConfigSource::kDefault);
  }
  return places;
}

std::vector<std::string_view> names_of(std::span<const BrokerSynonym> synonyms) {
  std::vector<std::string_view> names;
  for (const BrokerSynonym& synonym : synonyms) names.push_back(synonym.broker_option);
  return names;
}

// As Kafka: the list begins at the first place of the first of `names`; without one it is empty.
std::vector<ConfigSynonym> places_from(const std::vector<std::string_view>& names, std::vector<ConfigSynonym> places) {
  if (names.empty()) return {};
  places.erase(places.begin(), std::ranges::find(places, names.front(), &ConfigSynonym::name));
  return places;
}

// The broker options that say the same thing as `name` in other units, with it; just it for most.
std::vector<std::string_view> broker_names(std::string_view name) {
  for (const ConfigOption& topic_option : options_of(ConfigScope::kTopic)) {
    const std::vector<std::string_view> names = names_of(broker_synonyms(topic_option.name));
    if (std::ranges::find(names, name) != names.end()) return names;
  }
  return {name};
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
    const std::vector<std::string_view> names = names_of(broker_synonyms(option.name));
    for (ConfigSynonym& place : places_from(names, broker_places(context, names))) row.synonyms.push_back(std::move(place));
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
    row.synonyms = places_from({option.name}, broker_places(context, broker_names(option.name)));
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
