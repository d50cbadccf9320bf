// weir cluster, weir config get, weir config set.
#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/client_command.h"
#include "weir/cli/json_text.h"
#include "weir/cli/progress.h"
#include "weir/cli/table.h"
#include "weir/protocol/api_versions.h"
#include "weir/protocol/describe_log_dirs.h"

namespace weir::cli {

namespace {

constexpr int8_t kDefaultSource = 5;

struct LogDir {
  std::string path;
  bool is_offline = false;
  int64_t bytes = 0;  // of all replicas in it
  int64_t total_bytes = -1;
  int64_t usable_bytes = -1;
};
struct BrokerFacts {
  std::string features;  // "metadata.version=30 ..."
  std::vector<LogDir> dirs;
};

// What one broker tells of itself; nothing of what it does not.
Task<BrokerFacts> ask_broker(ClientContext& context, BrokerId id) {
  constexpr int16_t kSoftwareVersion = 3;  // the first of ApiVersions with names and features
  BrokerFacts facts;
  const auto connection = co_await context.cluster.broker(id, rpc::Lane::kQuick, context.cluster.one_attempt(context.patience()));
  if (!connection) co_return facts;
  const auto version = (*connection)->version_of(protocol::ApiKey::kApiVersions);
  protocol::ApiVersionsRequest about;
  if (version && *version >= kSoftwareVersion) {
    about.client_software_name = "weir-cli";
    about.client_software_version = "1";
  }
  const auto served = co_await (*connection)->call(std::move(about), context.cluster.one_attempt(context.patience()));
  if (served) {
    for (const auto& one : served->finalized_features) facts.features += fmt::format("{}{}={}", facts.features.empty() ? "" : " ", one.name, one.max_version_level);
  }
  protocol::DescribeLogDirsRequest request;
  request.topics.reset();  // all
  const auto answer = co_await (*connection)->call(std::move(request), context.cluster.one_attempt(context.patience()));
  if (!answer) co_return facts;
  for (const auto& dir : answer->results) {
    LogDir one{dir.log_dir, dir.error_code != ErrorCode::kNone, 0, dir.total_bytes, dir.usable_bytes};
    for (const auto& topic : dir.topics) for (const auto& partition : topic.partitions) one.bytes += partition.partition_size;
    facts.dirs.push_back(std::move(one));
  }
  co_return facts;
}

Task<Result<void>> run_cluster(ClientContext& context, ClusterArgs args) {
  WEIR_CO_TRY(const auto topics, co_await context.cluster.all_topics(context.patience()));
  std::map<BrokerId, std::pair<size_t, size_t>> counts;  // partitions led, replicas
  size_t partitions = 0;
  for (const client::TopicPtr& topic : topics) {
    for (const client::Partition& one : topic->partitions) {
      ++partitions;
      ++counts[one.leader].first;
      for (const BrokerId id : one.replicas) ++counts[id].second;
    }
  }
  const std::vector<client::Broker> brokers = context.cluster.brokers();
  std::map<BrokerId, BrokerFacts> facts;
  for (const client::Broker& broker : brokers) facts[broker.id] = co_await ask_broker(context, broker.id);
  std::string features;
  for (const auto& [id, one] : facts) {
    if (features.empty()) features = one.features;
  }
  const BrokerId controller = context.cluster.controller();
  if (args.json) {
    std::string text;
    for (const client::Broker& broker : brokers) {
      std::string dirs;
      for (const LogDir& dir : facts[broker.id].dirs) {
        dirs += fmt::format("{}{{\"dir\":{},\"offline\":{},\"bytes\":{},\"total_bytes\":{},\"usable_bytes\":{}}}", dirs.empty() ? "" : ",", json_string(dir.path),
                            dir.is_offline, dir.bytes, dir.total_bytes, dir.usable_bytes);
      }
      text += fmt::format("{}{{\"id\":{},\"host\":{},\"port\":{},\"rack\":{},\"leads\":{},\"replicas\":{},\"log_dirs\":[{}]}}", text.empty() ? "" : ",", broker.id,
                          json_string(broker.endpoint.host), broker.endpoint.port, broker.rack ? json_string(*broker.rack) : "null",
                          counts[broker.id].first, counts[broker.id].second, dirs);
    }
    fmt::print("{{\"cluster\":{},\"controller\":{},\"features\":{},\"topics\":{},\"partitions\":{},\"brokers\":[{}]}}\n", json_string(context.cluster.cluster_id()),
               controller, json_string(features), topics.size(), partitions, text);
    co_return Result<void>();
  }
  fmt::print("cluster {}: {} topic{}, {} partition{}\n", context.cluster.cluster_id(), topics.size(), topics.size() == 1 ? "" : "s", partitions,
             partitions == 1 ? "" : "s");
  fmt::print("controller {}\nfeatures {}\n", controller == kNoBroker ? std::string("none") : fmt::to_string(controller), features.empty() ? "none told" : features);
  Table table({">BROKER", "ADDRESS", "RACK", ">LEADS", ">REPLICAS"});
  for (const client::Broker& broker : brokers) {
    table.add({fmt::to_string(broker.id), broker.endpoint.text(), broker.rack.value_or("-"), fmt::to_string(counts[broker.id].first),
               fmt::to_string(counts[broker.id].second)});
  }
  table.print();
  Table dirs({">BROKER", "LOG DIRECTORY", ">RECORDS TAKE", ">FREE", ">OF", "STATE"});
  bool has_dirs = false;
  for (const client::Broker& broker : brokers) {
    for (const LogDir& dir : facts[broker.id].dirs) {
      has_dirs = true;
      const auto size = [](int64_t bytes) { return bytes < 0 ? std::string("-") : bytes_text(static_cast<double>(bytes)); };
      dirs.add({fmt::to_string(broker.id), dir.path, size(dir.bytes), size(dir.usable_bytes), size(dir.total_bytes), dir.is_offline ? "offline" : "ok"});
    }
  }
  if (has_dirs) {
    fmt::print("\n");
    dirs.print();
  }
  co_return Result<void>();
}

std::string_view source_text(int8_t source) {
  switch (source) {
    case 1: return "topic";
    case 2: return "broker";
    case 3: return "all brokers";
    case 4: return "properties file";
    case 5: return "default";
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
    const std::string nearest = nearest_word(word, names);
    co_return fail(ErrorCode::kNotFound, fmt::format("{} {} has no option \"{}\"{}", args.type, args.name, word,
                                                     nearest.empty() ? "" : fmt::format("; nearest: \"{}\"", nearest)));
  }
  Table table({"OPTION", "VALUE", "FROM"});
  for (const client::ConfigEntry& one : *entries) {
    const bool wanted = args.words.empty() ? args.all || one.source != kDefaultSource : std::ranges::find(args.words, one.name) != args.words.end();
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
  else fmt::print("changed {} option{} of {} {}\n", count, count == 1 ? "" : "s", args.type, args.name);
  co_return Result<void>();
}

}  // namespace

int describe_cluster(const ClusterArgs& args) { return run_client(args, args, &run_cluster); }
int config_get(const ClientConfigArgs& args) { return run_client(args, args.cluster, &run_config_get); }
int config_set(const ClientConfigArgs& args) { return run_client(args, args.cluster, &run_config_set); }

}  // namespace weir::cli
