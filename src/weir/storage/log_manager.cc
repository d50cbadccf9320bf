#include "weir/storage/log_manager.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/log_manager_core.h"

namespace weir::storage {
namespace {

constexpr int kClosesInParallel = 8;

}  // namespace

LogManager::Core::Core(runtime::Environment& given, LogManagerOptions manager_options)
    : environment(given), options(std::move(manager_options)), files(environment.disk, options.open_files_max),
      tail_cache(options.tail_cache_bytes), tasks_(environment.executor) {}

LogManager::Core::~Core() {
  for (const auto& dir : dirs) dir->health.flushes().abort();
}

LogServices LogManager::Core::services(size_t directory) {
  WEIR_ASSERT(directory < dirs.size(), directory, dirs.size());
  return {environment, dirs[directory]->health, files, tail_cache, options.range_bytes_min};
}

Task<void> LogManager::Core::close_some(Core* core, std::vector<Entry*>* left, std::vector<bool>* failed) {
  while (!left->empty()) {
    Entry* entry = left->back();
    left->pop_back();
    const Result<void> closed = co_await entry->log->close();
    if (closed) continue;
    (*failed)[entry->dir] = true;
    core->environment.log.error("{} was not closed cleanly: {}", entry->log->path(), closed.error().describe());
  }
}

Task<Result<void>> LogManager::Core::close(BrokerEpoch broker_epoch) {
  WEIR_ASSERT(!closing_);
  closing_ = true;
  stop_.request_stop();
  const Result<void> stopped = co_await tasks_.join();
  WEIR_ASSERT(stopped.has_value());
  WEIR_CO_CHECK(co_await structure_.acquire(environment.executor));
  const runtime::HeldPermit alone(structure_);
  std::vector<Entry*> left;
  for (auto& [partition, entry] : logs) left.push_back(&entry);
  std::vector<bool> failed(dirs.size(), false);
  {
    runtime::TaskGroup workers(environment.executor);
    for (int i = 0; i < kClosesInParallel; ++i) workers.spawn(&Core::close_some, this, &left, &failed);
    const Result<void> joined = co_await workers.join();
    WEIR_ASSERT(joined.has_value());
  }
  Result<void> all;
  for (size_t i = 0; i < dirs.size(); ++i) {
    Dir& dir = *dirs[i];
    if (dir.health.is_offline()) {
      all = fail(dir.health.offline_error());
      continue;
    }
    Result<void> done = co_await write_dir_checkpoints(dir);
    if (done && failed[i]) done = fail(ErrorCode::kKafkaStorageError, fmt::format("a log in {} was not closed cleanly", dir.health.path()));
    const auto lies_here = [i](const auto& left_out) { return left_out.second.dir == i; };
    const bool recovered = std::none_of(recovering.begin(), recovering.end(), lies_here);
    const bool vouched = recovered && (dir.clean.found || std::none_of(unreadable.begin(), unreadable.end(), lies_here));
    if (done && vouched) done = co_await write_clean_shutdown(environment.disk, dir.health.path(), broker_epoch.value());
    if (!done) all = done;
  }
  logs.clear();
  for (const auto& dir : dirs) {
    dir->volume.reset();
    dir->lock.reset();
  }
  co_return all;
}

LogManager::LogManager(std::unique_ptr<Core> core) : core_(std::move(core)) {}
LogManager::~LogManager() = default;

Task<Result<std::unique_ptr<LogManager>>> LogManager::open(runtime::Environment& environment, LogManagerOptions options) {
  auto core = std::make_unique<Core>(environment, std::move(options));
  WEIR_CO_CHECK(co_await core->open());
  co_return std::unique_ptr<LogManager>(new LogManager(std::move(core)));
}

LogServices LogManager::services(size_t directory) { return core_->services(directory); }
const std::string& LogManager::cluster_id() const { return core_->options.cluster_id; }

std::vector<DirectoryInfo> LogManager::directories() const {
  std::vector<DirectoryInfo> rows;
  for (const auto& dir : core_->dirs) {
    rows.push_back({dir->health.path(), dir->properties.directory_id, dir->clean.found, dir->clean.broker_epoch, dir->health.failure()});
  }
  return rows;
}

void LogManager::set_recoveries_in_parallel(int most) { core_->options.recoveries_in_parallel_max = most; }
Task<Result<void>> LogManager::load() { return core_->load(); }

std::vector<FoundLog> LogManager::logs() const {
  std::vector<FoundLog> found;
  found.reserve(core_->logs.size());
  for (const auto& [partition, entry] : core_->logs) found.push_back({partition, entry.topic_id, entry.log.get()});
  return found;
}

std::vector<RecoveryLeft> LogManager::recovery_left() const { return core_->recovery_left; }
Task<std::optional<TopicPartition>> LogManager::next_recovered(runtime::StopToken stop) { return core_->next_recovered(stop); }
bool LogManager::is_recovering(std::string_view topic, PartitionIndex partition) const {
  return core_->recovering.contains(Core::Less::View{topic, partition});
}

Log* LogManager::find(std::string_view topic, PartitionIndex partition) const {
  const auto* entry = core_->find(topic, partition);
  return entry == nullptr ? nullptr : entry->log.get();
}

Uuid LogManager::topic_id(std::string_view topic, PartitionIndex partition) const {
  const auto* entry = core_->find(topic, partition);
  return entry == nullptr ? kZeroUuid : entry->topic_id;
}

size_t LogManager::directory_of(std::string_view topic, PartitionIndex partition) const {
  const auto* entry = core_->find(topic, partition);
  WEIR_ASSERT(entry != nullptr, topic, partition);
  return entry->dir;
}

Task<Result<Log*>> LogManager::create_log(std::string topic, PartitionIndex partition, Uuid topic_id, LogOptions options,
                                          Existence existence) {
  return core_->create_log({std::move(topic), partition, topic_id, options, existence});
}
Task<std::vector<Result<Log*>>> LogManager::create_logs(std::vector<NewLog> wanted) { return core_->create_logs(std::move(wanted)); }
Task<Result<void>> LogManager::delete_log(std::string topic, PartitionIndex partition) {
  return core_->remove_log(std::move(topic), partition, DirectoryKind::kDelete);
}
Task<Result<void>> LogManager::set_aside_stray(std::string topic, PartitionIndex partition) {
  return core_->remove_log(std::move(topic), partition, DirectoryKind::kStray);
}
Task<Result<void>> LogManager::save_start_offsets() { return core_->save_start_offsets(); }
Task<Result<void>> LogManager::write_checkpoints() { return core_->write_checkpoints(); }
Task<Result<void>> LogManager::close(BrokerEpoch broker_epoch) { return core_->close(broker_epoch); }

}  // namespace weir::storage
