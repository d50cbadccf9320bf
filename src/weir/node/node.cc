#include "weir/node/node.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "weir/metadata/controller/features.h"
#include "weir/protocol/broker_registration.h"
#include "weir/storage/clean_shutdown.h"

namespace weir::node {
namespace {

// A stop first gives waiting fetches the time clients usually ask for, then ends them.
constexpr Duration kLongPollGrace = 500ms;
// For a connection within this machine.
constexpr Duration kPortProbe = 100ms;
// How often a node looks whether its disks are still good.
constexpr Duration kDirectoryCheck = 5s;

// The files of a log directory that a crash in the middle of formatting may leave.
bool may_lie_in_fresh_directory(const std::string& name) {
  return name == ".lock" || name == "lost+found" || name == "bootstrap.checkpoint" || name.ends_with(".tmp");
}

Task<void> serve_clients(server::BrokerServer* broker) { co_await broker->serve(); }
Task<void> serve_pages(http::Server* http) { co_await http->serve(); }

Task<void> stop_clients(server::BrokerServer* broker, Deadline deadline, runtime::Event* stopped) {
  co_await broker->stop(deadline);
  stopped->set();
}

}  // namespace

Node::Node(runtime::Environment environment, NodeOptions options)
    : environment_(environment),
      storage_environment_(named(environment, "storage")),
      replication_environment_(named(environment, "replication")),
      server_environment_(named(environment, "server")),
      http_environment_(named(environment, "http")),
      options_(std::move(options)),
      constructed_(environment.executor.now()),
      background_(environment.executor) {
  WEIR_ASSERT(!options_.logs.dirs.empty());
  WEIR_ASSERT(options_.advertised.size() == options_.server.listeners.size());
}

Node::~Node() = default;

Task<Result<void>> Node::run(runtime::StopToken stop) {
  const Result<void> started = co_await start();
  if (started) {
    announce();
    ready_.set();
    while (!failure_ && !stop.stop_requested()) (void)co_await failing_.wait(environment_.executor, Deadline::never(), stop);
    ready_.reset();
    environment_.log.info("stopping");
  }
  const Result<void> stopped = co_await shut_down();
  if (!started) co_return started;
  if (failure_) co_return fail(*failure_);
  if (stopped) environment_.log.info("stopped");
  co_return stopped;
}

Task<Result<void>> Node::start() {
  WEIR_CO_CHECK(co_await check_free());
  WEIR_CO_CHECK(co_await open_directories());
  WEIR_CO_CHECK(co_await open_metadata());
  WEIR_CO_CHECK(co_await open_ports());
  WEIR_CO_CHECK(co_await open_http());
  WEIR_CO_CHECK(co_await logs_->load());
  loaded_ = true;
  WEIR_CO_CHECK(co_await join_cluster());
  background_.spawn(&serve_clients, broker_.get());
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
    WEIR_CO_TRY(const auto lock, co_await environment_.disk.lock(dir + "/.lock"));
  }
  for (server::ListenerOptions& listener : options_.server.listeners) {
    WEIR_CO_TRY(const auto probe, co_await environment_.network.listen(listener.bind));
    listener.bind.port = probe->local().port;
  }
  if (options_.http && !options_.http->next_free_port) {
    WEIR_CO_TRY(const auto probe, co_await environment_.network.listen(options_.http->bind));
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
  options.snapshot_bytes = options_.snapshot_bytes;
  options.snapshot_interval_ms = options_.snapshot_interval_ms;
  WEIR_CO_TRY(metadata_, co_await metadata::MetadataService::open(logs_->services(), std::move(options)));
  co_return Result<void>();
}

Task<Result<void>> Node::open_ports() {
  const BrokerId self = options_.server.node_id;
  partitions_ = std::make_unique<replication::PartitionManager>(replication_environment_, *logs_, options_.static_config, self);
  fetch_sessions_ = std::make_unique<server::FetchSessionCache>(options_.server.fetch_session_slots, environment_.random.word());
  producer_ids_ = std::make_unique<server::ProducerIds>(environment_, *metadata_, self);
  request_metrics_ = std::make_unique<server::RequestMetrics>(metrics_);
  services_ = std::make_unique<server::Services>(server::Services{
      .environment = server_environment_,
      .options = options_.server,
      .static_config = options_.static_config,
      .metadata = *metadata_,
      .partitions = *partitions_,
      .logs = *logs_,
      .fetch_sessions = *fetch_sessions_,
      .producer_ids = *producer_ids_,
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
    request.listeners.push_back({.name = listener.name, .host = options_.advertised[i].host, .port = options_.advertised[i].port});
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
  co_return co_await metadata_->unfence_broker(options_.server.node_id, broker_epoch_);
}

// What retention no longer protects goes, partition by partition, every log.retention.check.interval.ms.
Task<void> Node::expire_records(Node* self) {
  runtime::Executor& executor = self->environment_.executor;
  const runtime::StopToken stop = self->background_stop_.token();
  while (co_await runtime::sleep_until(executor, executor.now() + self->options_.retention_check, stop)) {
    std::vector<storage::TopicPartition> names;
    self->partitions_->for_each([&](const replication::Partition& partition) { names.push_back(partition.name()); });
    for (const storage::TopicPartition& name : names) {
      if (stop.stop_requested()) co_return;
      const replication::PartitionRef partition = self->partitions_->find(name.topic, name.partition);
      if (!partition) continue;
      const TimestampMs now = self->environment_.clock.wall_ms();
      const Result<int> removed = co_await partition->log().apply_retention(partition->high_watermark(), now);
      if (!removed) {
        self->environment_.log.warning("retention of {}-{}: {}", name.topic, name.partition, removed.error().describe());
      } else if (*removed > 0) {
        self->environment_.log.info("retention removed {} segments of {}-{}", *removed, name.topic, name.partition);
      }
    }
  }
}

// Without its metadata log, or without any log, a node can only say no: better that somebody notices.
Task<void> Node::watch_directories(Node* self) {
  runtime::Executor& executor = self->environment_.executor;
  const runtime::StopToken stop = self->background_stop_.token();
  while (co_await runtime::sleep_until(executor, executor.now() + kDirectoryCheck, stop)) {
    const std::vector<storage::DirectoryInfo> directories = self->logs_->directories();
    const auto failed = [](const storage::DirectoryInfo& directory) { return directory.failure.has_value(); };
    if (!failed(directories.front()) && !std::ranges::all_of(directories, failed)) continue;
    self->failure_.emplace(ErrorCode::kKafkaStorageError, fmt::format("the log directory {} has failed: {}", directories.front().path,
                                                                      directories.front().failure->describe()));
    self->failing_.notify_all();
    co_return;
  }
}

Task<Result<void>> Node::shut_down() {
  background_stop_.request_stop();
  if (http_ != nullptr) http_->request_stop();
  if (broker_ != nullptr && broker_epoch_ != kNoBrokerEpoch) {
    runtime::Event stopped;
    const MonoTime now = environment_.executor.now();
    background_.spawn(&stop_clients, broker_.get(), Deadline::at(now + options_.drain), &stopped);
    const Result<void> in_time =
        co_await stopped.wait(environment_.executor, Deadline::at(now + std::min(kLongPollGrace, options_.drain)));
    partitions_->retire_all(ErrorCode::kNotLeaderOrFollower);
    if (!in_time) (void)co_await stopped.wait(environment_.executor);
  }
  (void)co_await background_.join();
  broker_.reset();
  http_.reset();
  Result<void> outcome;
  if (metadata_ != nullptr) {
    if (partitions_ != nullptr) metadata_->unsubscribe(*partitions_);
    outcome = co_await metadata_->stop();
  }
  if (partitions_ != nullptr) partitions_->retire_all(ErrorCode::kNotLeaderOrFollower);
  if (loaded_) {
    const Result<void> closed = co_await logs_->close(broker_epoch_);
    if (outcome) outcome = closed;
  } else if (logs_ != nullptr) {
    // No log was opened: the directories are as clean as they were.
    for (const storage::DirectoryInfo& directory : logs_->directories()) {
      if (!directory.was_clean || directory.failure) continue;
      (void)co_await storage::write_clean_shutdown(environment_.disk, directory.path, directory.previous_broker_epoch);
    }
  }
  co_return outcome;
}

runtime::Endpoint Node::listener(size_t index) const {
  WEIR_ASSERT(index < options_.server.listeners.size(), index);
  return options_.server.listeners[index].bind;
}

std::optional<runtime::Endpoint> Node::http() const {
  if (http_ == nullptr) return std::nullopt;
  return runtime::Endpoint{options_.http->bind.host, http_->local().port};
}

void Node::announce() const {
  const Duration took = options_.since_start ? options_.since_start() : environment_.executor.now() - constructed_;
  std::string where;
  for (size_t i = 0; i < options_.advertised.size(); ++i) {
    where += options_.server.listeners[i].serves_controller ? "controller " : "Kafka ";
    where += options_.advertised[i].text() + ", ";
  }
  if (http_ != nullptr) where += "http://" + http()->text() + ", ";
  environment_.log.info("weir {} is ready in {} ms: {}data {} (cluster {})", kVersion, took.count() / 1'000'000, where,
                        fmt::join(options_.logs.dirs, ", "), options_.server.cluster_id);
}

}  // namespace weir::node
