#include "weir/node/config.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "weir/node/listeners.h"
#include "weir/node/settings.h"
#include "weir/storage/log_options.h"

namespace weir::node {
namespace {

std::string absolute(std::string_view path, std::string_view working_dir) {
  std::string whole = path.starts_with('/') ? std::string(path) : fmt::format("{}/{}", working_dir, path);
  while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  return whole;
}

// The log directories, the metadata log's first.
std::vector<std::string> choose_directories(const Settings& settings, const ConfigInput& input, Problems& problems) {
  if (input.data_dir) return {absolute(*input.data_dir, input.working_dir) + "/log"};
  std::vector<std::string> dirs;
  const std::string_view option = settings.contains("log.dirs") ? "log.dirs" : "log.dir";
  if (!settings.contains(option)) {
    dirs.push_back(absolute(input.default_data_dir, input.working_dir) + "/log");
  } else {
    for (const std::string& dir : list_of(settings, option)) dirs.push_back(absolute(dir, input.working_dir));
  }
  for (size_t i = 0; i < dirs.size(); ++i) {
    if (std::find(dirs.begin(), dirs.begin() + static_cast<ptrdiff_t>(i), dirs[i]) != dirs.begin() + static_cast<ptrdiff_t>(i)) {
      problems.push_back(problem_at(where_set(settings, option), fmt::format("{} names {} twice", option, dirs[i])));
    }
  }
  const std::string metadata_dir = text_of(settings, "metadata.log.dir");
  if (!metadata_dir.empty()) {
    const auto at = std::ranges::find(dirs, absolute(metadata_dir, input.working_dir));
    if (at == dirs.end()) {
      problems.push_back(
          problem_at(where_set(settings, "metadata.log.dir"),
                     fmt::format("metadata.log.dir = \"{}\" must be one of log.dirs ({})", metadata_dir, fmt::join(dirs, ", "))));
    } else {
      std::rotate(dirs.begin(), at, at + 1);
    }
  }
  return dirs;
}

BrokerId choose_node_id(const Settings& settings, Problems& problems) {
  const bool has_node_id = settings.contains("node.id");
  const bool has_broker_id = settings.contains("broker.id") && number_of(settings, "broker.id") >= 0;
  if (has_node_id && has_broker_id && number_of(settings, "node.id") != number_of(settings, "broker.id")) {
    problems.push_back(problem_at(where_set(settings, "broker.id"),
                                  fmt::format("broker.id = {} and node.id = {} differ; broker.id is the older name of node.id",
                                              number_of(settings, "broker.id"), number_of(settings, "node.id"))));
  }
  if (has_node_id) return BrokerId(static_cast<int32_t>(number_of(settings, "node.id")));
  return BrokerId(has_broker_id ? static_cast<int32_t>(number_of(settings, "broker.id")) : 1);
}

void check_roles(const Settings& settings, BrokerId self, Problems& problems) {
  const std::vector<std::string> roles = list_of(settings, "process.roles");
  const auto has = [&](std::string_view role) { return std::ranges::find(roles, role) != roles.end(); };
  if (!roles.empty() && !(has("broker") && has("controller"))) {
    problems.push_back(
        problem_at(where_set(settings, "process.roles"),
                   fmt::format("process.roles = \"{}\" cannot be served yet: a node is broker and controller in one\n"
                               "set process.roles=broker,controller",
                               fmt::join(roles, ","))));
  }
  const std::vector<std::string> voters = list_of(settings, "controller.quorum.voters");
  const bool is_self = voters.size() == 1 && voters.front().starts_with(fmt::format("{}@", self));
  if (!voters.empty() && !is_self) {
    problems.push_back(problem_at(
        where_set(settings, "controller.quorum.voters"),
        fmt::format("controller.quorum.voters = \"{}\" cannot be served yet: the quorum is this node alone (node.id {})",
                    fmt::join(voters, ","), self)));
  }
  const std::vector<std::string> servers = list_of(settings, "controller.quorum.bootstrap.servers");
  if (servers.size() > 1) {
    problems.push_back(
        problem_at(where_set(settings, "controller.quorum.bootstrap.servers"),
                   fmt::format("controller.quorum.bootstrap.servers = \"{}\" cannot be served yet: the quorum is this node alone",
                               fmt::join(servers, ","))));
  }
}

std::optional<HttpOptions> choose_http(const Settings& settings, const ConfigInput& input, Configuration& chosen,
                                       Problems& problems) {
  constexpr std::string_view kOption = "weir.http.listener";
  if (!settings.contains(kOption)) {
    const int port = !input.port ? kDefaultHttpPort : *input.port == 0 ? 0 : *input.port + 2;
    return HttpOptions{.bind = {"localhost", static_cast<uint16_t>(std::min(port, 65535))}, .next_free_port = true};
  }
  const std::string text = text_of(settings, kOption);
  if (text.empty()) return std::nullopt;
  const auto endpoint = runtime::Endpoint::parse(text);
  if (!endpoint) {
    problems.push_back(
        problem_at(where_set(settings, kOption), fmt::format("{} = \"{}\" is not of the form host:port", kOption, text)));
    return std::nullopt;
  }
  if (!is_loopback(endpoint->host)) {
    chosen.warnings.push_back(problem_at(
        where_set(settings, kOption),
        fmt::format("http://{} can be reached from other machines, and there is no authentication yet", endpoint->text())));
  }
  return HttpOptions{.bind = *endpoint, .next_free_port = false};
}

void fill_server(const Settings& settings, server::ServerOptions& server) {
  const auto size = [&](std::string_view option) { return static_cast<size_t>(number_of(settings, option)); };
  server.socket_request_max_bytes = size("socket.request.max.bytes");
  const int64_t idle_ms = number_of(settings, "connections.max.idle.ms");
  server.connections_max_idle = storage::duration_of_ms(idle_ms < 0 ? INT64_MAX : idle_ms);  // negative: never
  if (settings.contains("max.connections")) server.max_connections = size("max.connections");
  if (settings.contains("max.connections.per.ip")) server.max_connections_per_ip = size("max.connections.per.ip");
  // -1 is no bound in Kafka; ours stays as it is.
  const int64_t queued = number_of(settings, "queued.max.request.bytes");
  if (queued > 0) server.request_bytes_max = static_cast<size_t>(queued);
  server.fetch_max_bytes = static_cast<int32_t>(number_of(settings, "fetch.max.bytes"));
  server.fetch_session_slots = size("max.incremental.fetch.session.cache.slots");
  server.max_request_partition_size_limit = static_cast<int32_t>(number_of(settings, "max.request.partition.size.limit"));
}

SocketChoice choose_sockets(const Settings& settings) {
  const auto number = [&](std::string_view option) -> std::optional<int> {
    if (!settings.contains(option)) return std::nullopt;
    return static_cast<int>(number_of(settings, option));
  };
  return {number("socket.listen.backlog.size"), number("socket.send.buffer.bytes"), number("socket.receive.buffer.bytes")};
}

void fill_storage(const Settings& settings, NodeOptions& options) {
  options.logs.tail_cache_bytes = static_cast<size_t>(number_of(settings, "weir.tail.cache.bytes"));
  if (settings.contains("weir.disk.reserve.bytes.max")) {
    options.logs.disk_reserve_bytes = number_of(settings, "weir.disk.reserve.bytes.max");
  }
  if (settings.contains("num.recovery.threads.per.data.dir")) {
    options.logs.recoveries_in_parallel_max = static_cast<int>(number_of(settings, "num.recovery.threads.per.data.dir"));
  }
  options.logs.recovery_point_checkpoint_ms = number_of(settings, "log.flush.offset.checkpoint.interval.ms");
  options.logs.log_start_checkpoint_ms = number_of(settings, "log.flush.start.offset.checkpoint.interval.ms");
  options.logs.high_watermark_checkpoint_ms = number_of(settings, "replica.high.watermark.checkpoint.interval.ms");
  options.retention_check = storage::duration_of_ms(number_of(settings, "log.retention.check.interval.ms"));
  options.first_retention_check = storage::duration_of_ms(number_of(settings, "log.initial.task.delay.ms"));
  options.quorum.segment_bytes = static_cast<uint64_t>(number_of(settings, "metadata.log.segment.bytes"));
  options.quorum.retention_bytes = static_cast<uint64_t>(number_of(settings, "metadata.max.retention.bytes"));
  options.quorum.retention_ms = number_of(settings, "metadata.max.retention.ms");
  options.snapshot_bytes = static_cast<uint64_t>(number_of(settings, "metadata.log.max.record.bytes.between.snapshots"));
  options.snapshot_interval_ms = number_of(settings, "metadata.log.max.snapshot.interval.ms");
}

// What DescribeConfigs shows as given: what was set, and what Kafka would have required.
metadata::StaticConfig static_config_of(const Settings& settings, const NodeOptions& options) {
  metadata::StaticConfig values;
  for (const auto& [name, setting] : settings) values[name] = setting.value;
  std::string listeners;
  std::string advertised;
  std::string controllers;
  for (size_t i = 0; i < options.server.listeners.size(); ++i) {
    const server::ListenerOptions& listener = options.server.listeners[i];
    listeners += fmt::format("{}{}://{}", i == 0 ? "" : ",", listener.name, listener.bind.text());
    advertised += fmt::format("{}{}://{}", i == 0 ? "" : ",", listener.name, options.advertised[i].text());
    if (listener.serves_controller) controllers += (controllers.empty() ? "" : ",") + listener.name;
  }
  values["node.id"] = fmt::format("{}", options.server.node_id);
  values["process.roles"] = "broker,controller";
  values["listeners"] = listeners;
  values["advertised.listeners"] = advertised;
  values["controller.listener.names"] = controllers;
  values["log.dirs"] = fmt::format("{}", fmt::join(options.logs.dirs, ","));
  return values;
}

}  // namespace

std::expected<Configuration, Problems> configure(const ConfigInput& input) {
  GatheredSettings gathered = gather_settings(input);
  const Settings& settings = gathered.settings;
  Problems problems = std::move(gathered.problems);
  Configuration chosen;
  chosen.warnings = std::move(gathered.warnings);
  chosen.notes = std::move(gathered.notes);

  NodeOptions& options = chosen.options;
  options.server.node_id = choose_node_id(settings, problems);
  options.logs.node_id = options.server.node_id;
  options.logs.dirs = choose_directories(settings, input, problems);
  check_roles(settings, options.server.node_id, problems);
  auto listeners = choose_listeners(settings, input);
  if (listeners) {
    options.server.listeners = std::move(listeners->listeners);
    options.advertised = std::move(listeners->advertised);
    std::ranges::move(listeners->warnings, std::back_inserter(chosen.warnings));
  } else {
    std::ranges::move(listeners.error(), std::back_inserter(problems));
  }
  options.http = choose_http(settings, input, chosen, problems);
  if (!problems.empty()) return std::unexpected(std::move(problems));

  const std::string rack = text_of(settings, "broker.rack");
  if (!rack.empty()) options.rack = rack;
  fill_server(settings, options.server);
  fill_storage(settings, options);
  chosen.sockets = choose_sockets(settings);
  options.static_config = static_config_of(settings, options);
  return chosen;
}

}  // namespace weir::node
