// The node's life: run, the work it does by itself, stop. How it starts is in node_start.cc.
#include <fmt/ranges.h>

#include "weir/node/node.h"
#include "weir/node/version.h"
#include "weir/storage/clean_shutdown.h"

namespace weir::node {
namespace {

// A stop first gives waiting fetches the time clients usually ask for, then ends them.
constexpr Duration kLongPollGrace = 500ms;
// How often a node looks whether its disks are still good.
constexpr Duration kDirectoryCheck = 5s;

Task<void> stop_clients(server::BrokerServer* broker, Deadline deadline, runtime::Event* stopped) {
  co_await broker->stop(deadline);
  stopped->set();
}

}  // namespace

Node::Node(runtime::Environment environment, NodeOptions options)
    : environment_(environment),
      storage_environment_(named(environment, "storage")),
      replication_environment_(named(environment, "replication")),
      coordinator_environment_(named(environment, "coordinator")),
      server_environment_(named(environment, "server")),
      http_environment_(named(environment, "http")),
      options_(std::move(options)),
      constructed_(environment.executor.now()),
      bytes_{.requests = server::ByteBudget(options_.server.request_bytes_max), .answers = server::ByteBudget(options_.server.answer_bytes_max)},
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

// Retention, log.initial.task.delay.ms after the start and then every log.retention.check.interval.ms.
Task<void> Node::expire_records(Node* self) {
  runtime::Executor& executor = self->environment_.executor;
  const runtime::StopToken stop = self->background_stop_.token();
  Duration pause = self->options_.first_retention_check;
  while (co_await runtime::sleep_until(executor, executor.now() + std::exchange(pause, self->options_.retention_check), stop)) {
    co_await self->partitions_->apply_retention(stop);
  }
}

// Without its metadata log, which lies in the first directory, a node can only say no: better that somebody notices. While it can
// go on, what could not be made on a full disk is tried again.
Task<void> Node::watch_directories(Node* self) {
  runtime::Executor& executor = self->environment_.executor;
  const runtime::StopToken stop = self->background_stop_.token();
  while (co_await runtime::sleep_until(executor, executor.now() + kDirectoryCheck, stop)) {
    const storage::DirectoryInfo first = self->logs_->directories().front();
    if (!first.failure) {
      co_await self->partitions_->try_failed_again();
      continue;
    }
    self->failure_.emplace(ErrorCode::kKafkaStorageError, fmt::format("the log directory {} has failed: {}", first.path, first.failure->describe()));
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
    groups_->resign();
    partitions_->retire_all(ErrorCode::kNotLeaderOrFollower);
    if (!in_time) (void)co_await stopped.wait(environment_.executor);  // at the latest when `drain` is over
  }
  (void)co_await background_.join();
  broker_.reset();
  http_.reset();
  Result<void> outcome;
  if (groups_ != nullptr) {
    metadata_->unsubscribe(*groups_);
    groups_->resign();
    co_await groups_->stop();
  }
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
  const Duration took =
      options_.process != nullptr ? options_.process->since_start() : environment_.executor.now() - constructed_;
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
