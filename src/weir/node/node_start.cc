// The start of a node, step by step; node.h says in which order and why.
#include <fmt/ranges.h>

#include "weir/metadata/controller/features.h"
#include "weir/metadata/topic_config.h"
#include "weir/node/node.h"
#include "weir/protocol/broker_registration.h"

namespace weir::node {
namespace {

// For a connection within this machine.
constexpr Duration kPortProbe = 100ms;

// The files of a log directory that a crash in the middle of formatting may leave.
bool may_lie_in_fresh_directory(const std::string& name) {
  return name == storage::kLockFile || name == "lost+found" || name == raft::kBootstrapCheckpoint ||
         name == fmt::format("{}{}", raft::kBootstrapCheckpoint, raft::kPartSuffix) || name.ends_with(".tmp");
}

Task<void> serve_clients(server::BrokerServer* broker) { co_await broker->serve(); }
Task<void> serve_recovered(storage::LogManager* logs, replication::PartitionManager* partitions, runtime::StopToken stop) {
  for (;;) {
    const std::optional<storage::TopicPartition> partition = co_await logs->next_recovered(stop);
    if (!partition) co_return;
    co_await partitions->on_recovered(*partition);
  }
}
Task<void> serve_pages(http::Server* http) { co_await http->serve(); }

}  // namespace

Task<Result<void>> Node::start() {
  WEIR_CO_CHECK(co_await check_free());
  WEIR_CO_CHECK(co_await open_directories());
  WEIR_CO_CHECK(co_await open_metadata());
  WEIR_CO_CHECK(co_await open_ports());
  WEIR_CO_CHECK(co_await open_http());
  // Brokers may be told while they run; what they were told counts from here on.
  const metadata::ConfigContext configured{*metadata_->image(), options_.static_config, options_.server.node_id};
  const auto recoveries = broker_number_set(configured, "num.recovery.threads.per.data.dir");
  if (recoveries) logs_->set_recoveries_in_parallel(static_cast<int>(*recoveries));
  WEIR_CO_CHECK(co_await logs_->load());
  loaded_ = true;
  WEIR_CO_CHECK(co_await join_cluster());
  background_.spawn(&serve_clients, broker_.get());
  background_.spawn(&serve_recovered, logs_.get(), partitions_.get(), background_stop_.token());
  if (http_ != nullptr) background_.spawn(&serve_pages, http_.get());
  background_.spawn(&Node::expire_records, this);
  background_.spawn(&Node::watch_directories, this);
  co_return Result<void>();
}

// Looks before anything is changed, so that a start that cannot succeed leaves everything as it was.
Task<Result<void>> Node::check_free() {
  for (const std::string& dir : options_.logs.dirs) {
    WEIR_CO_TRY(const auto properties, co_await storage::read_meta_properties(environment_.disk, dir));
    if (!properties) continue;
    WEIR_CO_TRY(const auto lock, co_await environment_.disk.lock(fmt::format("{}/{}", dir, storage::kLockFile)));
  }
  for (server::ListenerOptions& listener : options_.server.listeners) {
    WEIR_CO_TRY(const runtime::Endpoint found, co_await environment_.network.probe(listener.bind));
    listener.bind.port = found.port;
  }
  if (options_.http && !options_.http->next_free_port) {
    const auto found = co_await environment_.network.probe(options_.http->bind);
    if (!found) co_return fail(found.error());
  }
  for (size_t i = 0; i < options_.advertised.size(); ++i) {
    runtime::Endpoint& advertised = options_.advertised[i];
    if (advertised.port == 0) advertised.port = options_.server.listeners[i].bind.port;
  }
  co_return Result<void>();
}

Task<Result<bool>> Node::is_formatted() {
  bool is_one_formatted = false;
  std::optional<Error> strange;
  for (const std::string& dir : options_.logs.dirs) {
    WEIR_CO_TRY(const auto properties, co_await storage::read_meta_properties(environment_.disk, dir));
    is_one_formatted = is_one_formatted || properties.has_value();
    if (properties) continue;
    const auto entries = co_await environment_.disk.list(dir);
    if (!entries && entries.error().code() != ErrorCode::kNotFound) co_return fail(entries.error());
    if (!entries) continue;
    for (const runtime::DirEntry& entry : *entries) {
      if (may_lie_in_fresh_directory(entry.name)) continue;
      strange.emplace(ErrorCode::kInvalidConfig,
                      fmt::format("{} holds \"{}\" but no meta.properties: it is neither empty nor a log directory\n"
                                  "choose an empty directory with --data-dir or log.dirs, or empty this one",
                                  dir, entry.name));
    }
  }
  if (strange) co_return fail(*strange);
  co_return is_one_formatted;
}

Task<Result<void>> Node::open_directories() {
  const std::vector<std::string>& dirs = options_.logs.dirs;
  WEIR_CO_TRY(const bool formatted, co_await is_formatted());
  if (!formatted) {
    metadata::FormatOptions format{.cluster_id = options_.logs.cluster_id, .node_id = options_.server.node_id};
    WEIR_CO_TRY(formatted_, co_await metadata::format(environment_, dirs, std::move(format)));
    environment_.log.info("formatted {} for the new cluster {}", fmt::join(dirs, ", "), formatted_.front().cluster_id);
  }
  WEIR_CO_TRY(logs_, co_await storage::LogManager::open(storage_environment_, options_.logs));
  options_.server.cluster_id = logs_->cluster_id();
  const std::vector<storage::DirectoryInfo> opened = logs_->directories();
  WEIR_ASSERT(opened.size() == dirs.size(), opened.size(), dirs.size());
  if (opened.front().failure) {
    co_return fail(opened.front().failure->within(fmt::format("the metadata log directory {} is offline", dirs.front())));
  }
  co_return Result<void>();
}

Task<Result<void>> Node::open_metadata() {
  metadata::ServiceOptions options;
  options.quorum = options_.quorum;
  options.quorum.dir = options_.logs.dirs.front();
  options.quorum.node_id = options_.server.node_id;
  options.quorum.directory_id = logs_->directories().front().id;
  for (size_t i = 0; i < options_.advertised.size(); ++i) {
    const server::ListenerOptions& listener = options_.server.listeners[i];
    if (!listener.serves_controller) continue;
    options.quorum.listeners.push_back({listener.name, options_.advertised[i].host, options_.advertised[i].port});
  }
  options.cluster_id = options_.server.cluster_id;
  options.static_config = options_.static_config;
  options.snapshots = {.bytes = options_.snapshot_bytes, .interval_ms = options_.snapshot_interval_ms};
  WEIR_CO_TRY(metadata_, co_await metadata::MetadataService::open(logs_->services(), std::move(options)));
  co_return Result<void>();
}

Task<Result<void>> Node::open_ports() {
  const BrokerId self = options_.server.node_id;
  partitions_ = std::make_unique<replication::PartitionManager>(replication_environment_, *logs_, options_.static_config, self);
  fetch_sessions_ = std::make_unique<server::FetchSessionCache>(options_.server.fetch_session_slots, environment_.random.word());
  producer_ids_ = std::make_unique<server::ProducerIds>(environment_, *metadata_, self);
  coordinator::Options group_options = coordinator::options_from(options_.static_config);
  group_options.planted = options_.planted_groups;
  groups_ = std::make_unique<coordinator::GroupCoordinator>(coordinator_environment_, *metadata_, *partitions_, codecs_, metrics_, self,
                                                            std::move(group_options));
  request_metrics_ = std::make_unique<server::RequestMetrics>(metrics_);
  services_ = std::make_unique<server::Services>(server::Services{
      .environment = server_environment_,
      .options = options_.server,
      .static_config = options_.static_config,
      .metadata = *metadata_,
      .partitions = *partitions_,
      .logs = *logs_,
      .bytes = bytes_,
      .fetch_sessions = *fetch_sessions_,
      .producer_ids = *producer_ids_,
      .groups = *groups_,
      .codecs = codecs_,
      .scratch = scratch_,
      .metrics = metrics_,
      .request_metrics = *request_metrics_,
  });
  broker_ = std::make_unique<server::BrokerServer>(*services_);
  co_return co_await broker_->listen();
}

Task<Result<void>> Node::open_http() {
  if (!options_.http) co_return Result<void>();
  pages_ = std::make_unique<Pages>(options_, ready_, metrics_, *metadata_, *partitions_);
  http_ = std::make_unique<http::Server>(http_environment_, *pages_);
  runtime::Endpoint bind = options_.http->bind;
  // Asking by connecting is quicker than a listen that fails: that one looks for who has the port.
  for (int i = 0; options_.http->next_free_port && i < kHttpPortsTried && bind.port > 0 && bind.port < UINT16_MAX; ++i) {
    const Deadline soon = Deadline::at(environment_.executor.now() + kPortProbe);
    const auto taken = co_await environment_.network.connect(bind, soon);
    if (!taken) break;
    ++bind.port;
  }
  co_return co_await http_->listen(bind);
}

Task<Result<void>> Node::join_cluster() {
  protocol::BrokerRegistrationRequest request;
  request.broker_id = options_.server.node_id;
  request.cluster_id = options_.server.cluster_id;
  request.incarnation_id = environment_.random.uuid();
  for (size_t i = 0; i < options_.advertised.size(); ++i) {
    const server::ListenerOptions& listener = options_.server.listeners[i];
    if (listener.serves_controller) continue;
    request.listeners.push_back(
        {.name = listener.name, .host = options_.advertised[i].host, .port = options_.advertised[i].port});
  }
  for (const metadata::SupportedFeature& feature : metadata::supported_features()) {
    request.features.push_back({std::string(feature.name), feature.min, feature.max});
  }
  request.rack = options_.rack;
  for (const storage::DirectoryInfo& directory : logs_->directories()) {
    if (!directory.failure) request.log_dirs.push_back(directory.id);
  }
  request.previous_broker_epoch = logs_->directories().front().previous_broker_epoch;
  WEIR_CO_TRY(broker_epoch_, co_await metadata_->register_broker(std::move(request)));
  co_await metadata_->subscribe(*partitions_);
  co_await metadata_->subscribe(*groups_);
  groups_->start();
  co_return co_await metadata_->unfence_broker(options_.server.node_id, broker_epoch_);
}

}  // namespace weir::node
