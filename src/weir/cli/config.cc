// weir config get, weir config set.
#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/amounts.h"
#include "weir/cli/client_command.h"
#include "weir/cli/json_text.h"
#include "weir/cli/table.h"
#include "weir/cli/words.h"

namespace weir::cli {

namespace {

std::string_view source_text(client::ConfigSource source) {
  switch (source) {
    case client::ConfigSource::kTopic: return "topic";
    case client::ConfigSource::kBroker: return "broker";
    case client::ConfigSource::kAllBrokers: return "all brokers";
    case client::ConfigSource::kPropertiesFile: return "properties file";
    case client::ConfigSource::kDefault: return "default";
    default: return "?";
  }
}

client::Resource resource_of(const ClientConfigArgs& args) {
  const auto type = args.type == "topic" ? client::ResourceType::kTopic : args.type == "group" ? client::ResourceType::kGroup : client::ResourceType::kBroker;
  return {type, args.name};
}

Task<Result<void>> run_config_get(ClientContext& context, ClientConfigArgs args) {
  auto entries = co_await context.admin.describe_configs(resource_of(args), context.patience());
  if (!entries) {
    if (args.type != "topic") co_return fail(entries.error());
    Error explained = co_await explain_topic_error(context, args.name, entries.error());
    co_return fail(std::move(explained));
  }
  std::vector<std::string> names;
  for (const client::ConfigEntry& one : *entries) names.push_back(one.name);
  for (const std::string& word : args.words) {
    if (std::ranges::find(names, word) != names.end()) continue;
    co_return fail(ErrorCode::kNotFound, fmt::format("{} {} has no option \"{}\"{}", args.type, args.name, word, nearest_hint(word, names)));
  }
  Table table({"OPTION", "VALUE", "FROM"});
  for (const client::ConfigEntry& one : *entries) {
    const bool wanted = args.words.empty() ? args.all || one.source != client::ConfigSource::kDefault : std::ranges::find(args.words, one.name) != args.words.end();
    if (!wanted) continue;
    if (args.cluster.json) {
      fmt::print("{{\"option\":{},\"value\":{},\"from\":{},\"read_only\":{},\"sensitive\":{}}}\n", json_string(one.name),
                 one.value ? json_string(*one.value) : "null", json_string(source_text(one.source)), one.is_read_only, one.is_sensitive);
    } else {
      table.add({one.name, one.is_sensitive ? "(hidden)" : one.value.value_or("-"), std::string(source_text(one.source))});
    }
  }
  if (!args.cluster.json) table.print();
  co_return Result<void>();
}

Task<Result<void>> run_config_set(ClientContext& context, ClientConfigArgs args) {
  std::vector<client::ConfigChange> changes;
  for (const std::string& text : args.words) {
    WEIR_CO_TRY(auto pair, parse_pair(text));
    changes.push_back({std::move(pair.first), std::move(pair.second)});
  }
  for (const std::string& key : args.resets) changes.push_back({key, std::nullopt});
  if (changes.empty()) co_return fail(ErrorCode::kInvalidArgument, "nothing to change: KEY=VALUE or --reset KEY");
  const size_t count = changes.size();
  const auto altered = co_await context.admin.alter_configs(resource_of(args), std::move(changes), context.patience());
  if (!altered) {
    if (args.type != "topic") co_return fail(altered.error());
    Error explained = co_await explain_topic_error(context, args.name, altered.error());
    co_return fail(std::move(explained));
  }
  if (args.cluster.json) fmt::print("{{\"changed\":{}}}\n", count);
  else fmt::print("changed {} of {} {}\n", counted(count, "option"), args.type, args.name);
  co_return Result<void>();
}

}  // namespace

int config_get(const ClientConfigArgs& args) { return run_client(args, args.cluster, &run_config_get); }
int config_set(const ClientConfigArgs& args) { return run_client(args, args.cluster, &run_config_set); }

}  // namespace weir::cli
