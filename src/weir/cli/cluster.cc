// weir cluster.
#include <fmt/format.h>

#include "weir/cli/amounts.h"
#include "weir/cli/client_command.h"
#include "weir/cli/json_text.h"
#include "weir/cli/table.h"
#include "weir/client/admin_brokers.h"

namespace weir::cli {

namespace {

struct BrokerFacts {
  std::string features;
  std::vector<client::LogDir> dirs;
};

// Nothing of what the broker does not tell.
Task<BrokerFacts> ask_broker(ClientContext& context, BrokerId id) {
  BrokerFacts facts;
  const auto connection = co_await context.cluster.broker(id, rpc::Lane::kQuick, context.cluster.one_attempt(context.patience()));
  if (!connection) co_return facts;
  auto versions = co_await client::describe_versions(*connection, context.cluster.one_attempt(context.patience()));
  if (versions) facts.features = std::move(versions->features);
  auto dirs = co_await client::describe_log_dirs(*connection, true, context.cluster.one_attempt(context.patience()));
  if (dirs) facts.dirs = std::move(*dirs);
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
      for (const client::LogDir& dir : facts[broker.id].dirs) {
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
  fmt::print("cluster {}: {}, {}\n", context.cluster.cluster_id(), counted(topics.size(), "topic"), counted(partitions, "partition"));
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
    for (const client::LogDir& dir : facts[broker.id].dirs) {
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

}  // namespace

int describe_cluster(const ClusterArgs& args) { return run_client(args, args, &run_cluster); }

}  // namespace weir::cli
