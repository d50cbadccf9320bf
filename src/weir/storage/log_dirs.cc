#include "weir/storage/log_dirs.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/log_dirs_core.h"

namespace weir::storage {
namespace {

constexpr int kClosesInParallel = 8;
constexpr Duration kSpaceInterval = 1s;
constexpr Duration kIdleFilePeriod = 20s;   // a descriptor that is not used goes after two to three of them
constexpr Duration kCheckpointPauseMin = 100ms;
constexpr int64_t kResumeMarginMax = 16 << 20;

}  // namespace

int64_t disk_reserve(int64_t disk_bytes) {
  const int64_t reserve = std::clamp(disk_bytes / 100, int64_t{256} << 20, int64_t{8} << 30);
  return std::min(reserve, disk_bytes / 8);
}

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

Task<Result<void>> LogManager::Core::open() {
  if (options.dirs.empty()) co_return fail(ErrorCode::kInvalidConfig, "log.dirs names no directory");
  for (size_t i = 0; i < options.dirs.size(); ++i) {
    if (std::count(options.dirs.begin(), options.dirs.end(), options.dirs[i]) > 1) {
      co_return fail(ErrorCode::kInvalidConfig, fmt::format("log.dirs names {} twice", options.dirs[i]));
    }
    dirs.push_back(std::make_unique<Dir>(*this, options.dirs[i]));
  }
  WEIR_CO_CHECK(co_await check_identity());
  // All are locked before anything is changed: a start that is refused takes no clean marker away.
  for (const auto& dir : dirs) {
    const Result<void> locked = co_await lock_dir(*dir);
    WEIR_CO_CHECK(spare(*dir, locked));
  }
  for (const auto& dir : dirs) {
    if (dir->health.is_offline()) continue;
    const Result<void> opened = co_await open_dir(*dir);
    WEIR_CO_CHECK(spare(*dir, opened));
  }
  co_return Result<void>();
}

// A disk that has failed costs its partitions, not the node, as long as another one is left.
Result<void> LogManager::Core::spare(Dir& dir, const Result<void>& opened) const {
  if (opened || opened.error().code() != ErrorCode::kDiskError || dirs.size() == 1) return opened;
  dir.health.take_offline(opened.error());
  return {};
}

// Which cluster, node and directories these are; nothing is written before all of it agrees.
Task<Result<void>> LogManager::Core::check_identity() {
  std::vector<bool> formatted(dirs.size(), false);
  for (size_t i = 0; i < dirs.size(); ++i) {
    const std::string& path = dirs[i]->health.path();
    WEIR_CO_TRY(const std::optional<MetaProperties> found, co_await read_meta_properties(environment.disk, path));
    if (!found) continue;
    formatted[i] = true;
    dirs[i]->properties = *found;
    if (options.cluster_id.empty()) options.cluster_id = found->cluster_id;
    if (!found->cluster_id.empty() && found->cluster_id != options.cluster_id) {
      co_return fail(ErrorCode::kInconsistentClusterId,
                     fmt::format("{} belongs to cluster {}, not to {}: give the right directory, or format an empty one", path,
                                 found->cluster_id, options.cluster_id));
    }
    if (found->node_id >= BrokerId(0) && found->node_id != options.node_id) {
      co_return fail(ErrorCode::kInvalidConfig, fmt::format("{} belongs to node {}, but node.id is {}", path, found->node_id, options.node_id));
    }
    for (size_t j = 0; j < i; ++j) {
      if (!found->directory_id.is_zero() && dirs[j]->properties.directory_id == found->directory_id) {
        co_return fail(ErrorCode::kInvalidConfig,
                       fmt::format("{} and {} have the same directory.id {}: one is a copy of the other", dirs[j]->health.path(), path,
                                   found->directory_id.text()));
      }
    }
  }
  if (std::none_of(formatted.begin(), formatted.end(), [](bool b) { return b; })) {
    co_return fail(ErrorCode::kNotFound, fmt::format("{} has no meta.properties: it was never formatted", dirs[0]->health.path()));
  }
  for (size_t i = 0; i < dirs.size(); ++i) {
    MetaProperties& properties = dirs[i]->properties;
    if (formatted[i] && !properties.directory_id.is_zero()) continue;
    properties.version = 1;
    properties.cluster_id = options.cluster_id;
    properties.node_id = options.node_id;
    properties.directory_id = environment.random.uuid();
  }
  co_return Result<void>();
}

Task<Result<void>> LogManager::Core::lock_dir(Dir& dir) {
  const std::string& path = dir.health.path();
  WEIR_CO_CHECK(co_await environment.disk.create_directories(path));
  Result<std::unique_ptr<runtime::FileLock>> lock = co_await environment.disk.lock(fmt::format("{}/.lock", path));
  if (!lock) {
    if (lock.error().code() != ErrorCode::kLocked) co_return fail(lock.error());
    co_return fail(ErrorCode::kLocked, fmt::format("log directory {} is in use: {}", path, lock.error().message()));
  }
  dir.lock = std::move(*lock);
  co_return Result<void>();
}

Task<Result<void>> LogManager::Core::open_dir(Dir& dir) {
  const std::string& path = dir.health.path();
  WEIR_CO_TRY(dir.volume, co_await environment.disk.volume(path));
  WEIR_CO_TRY(const std::optional<MetaProperties> there, co_await read_meta_properties(environment.disk, path));
  if (!there || there->directory_id.is_zero()) WEIR_CO_CHECK(co_await write_meta_properties(environment.disk, path, dir.properties));
  for (const std::string_view file : {kRecoveryPointFile, kLogStartFile, kReplicationFile}) {
    Result<Checkpoint> checkpoint = co_await read_checkpoint(environment.disk, fmt::format("{}/{}", path, file));
    if (!checkpoint) {
      if (checkpoint.error().code() != ErrorCode::kMalformedFile) co_return fail(checkpoint.error());
      // Without it more is recovered, and nothing is lost: not a reason to refuse the start.
      environment.log.warning("{}; it is taken as empty", checkpoint.error().message());
      checkpoint = Checkpoint{};
    }
    dir.on_disk[file] = std::move(*checkpoint);
  }
  WEIR_CO_TRY(dir.clean, co_await take_clean_shutdown(environment.disk, path));
  co_await measure_space(dir);
  co_return Result<void>();
}

Task<void> LogManager::Core::measure_space(Dir& dir) {
  const Result<runtime::DiskSpace> space = co_await environment.disk.space(dir.health.path());
  if (!space) co_return;
  const auto total = static_cast<int64_t>(space->total_bytes);
  const int64_t reserve = options.disk_reserve_bytes >= 0 ? options.disk_reserve_bytes : disk_reserve(total);
  const int64_t room = static_cast<int64_t>(space->usable_bytes) - reserve;
  // Who has begun to refuse goes on until a little more is free, so that it does not change every second.
  const bool was_below = dir.health.below_reserve();
  const bool below = was_below ? room < std::min(reserve / 8, kResumeMarginMax) : room < 0 || dir.health.refused();
  dir.health.set_room(below ? 0 : room);
  if (below != was_below) {
    if (below) environment.log.warning("{} has {} bytes free, and {} are kept in reserve: clients' records are refused", dir.health.path(), space->usable_bytes, reserve);
    else environment.log.info("{} has space again: clients' records are taken", dir.health.path());
  }
  dir.health.set_below_reserve(below);
}

// Whether what a checkpoint says of a partition stays as it is: its log is on the disk and not served, or not yet.
bool LogManager::Core::must_keep(const Dir& dir, const TopicPartition& partition) const {
  if (!loaded_) {
    const Entry* entry = find(partition.topic, partition.partition);
    return entry == nullptr || dirs[entry->dir].get() != &dir;
  }
  const auto left_out = unreadable.find(partition);
  const auto left = recovering.find(partition);
  return (left_out != unreadable.end() && dirs[left_out->second.dir].get() == &dir) ||
         (left != recovering.end() && dirs[left->second.dir].get() == &dir);
}

Task<Result<void>> LogManager::Core::write_dir_checkpoint(Dir& dir, std::string_view file) {
  WEIR_CO_CHECK(co_await dir.checkpointing.acquire(environment.executor));
  const runtime::HeldPermit alone(dir.checkpointing);
  if (dir.health.is_offline()) co_return fail(dir.health.offline_error());
  Checkpoint checkpoint;
  for (const auto& [partition, entry] : logs) {
    if (dirs[entry.dir].get() != &dir) continue;
    const Log& log = *entry.log;
    if (file == kRecoveryPointFile) checkpoint[partition] = log.recovery_point();
    else if (file == kReplicationFile) checkpoint[partition] = std::min(log.noted_high_watermark(), log.end_offset());
    else if (log.start_offset() > log.oldest_segment()) checkpoint[partition] = log.start_offset();
  }
  for (const auto& row : dir.on_disk[file]) {
    if (must_keep(dir, row.first)) checkpoint.insert(row);
  }
  if (checkpoint == dir.on_disk[file]) co_return Result<void>();
  const Result<void> written = co_await write_checkpoint(environment.disk, fmt::format("{}/{}", dir.health.path(), file), checkpoint);
  if (!written) {
    // A full disk keeps the old file, which is safe.
    if (!is_passing(written.error())) dir.health.take_offline(written.error());
    co_return written;
  }
  dir.on_disk[file] = std::move(checkpoint);
  co_return Result<void>();
}

Task<Result<void>> LogManager::Core::write_dir_checkpoints(Dir& dir) {
  for (const std::string_view file : {kRecoveryPointFile, kLogStartFile, kReplicationFile}) {
    WEIR_CO_CHECK(co_await write_dir_checkpoint(dir, file));
  }
  co_return Result<void>();
}

Task<Result<void>> LogManager::Core::write_checkpoints() {
  Result<void> all;
  for (const auto& dir : dirs) {
    if (dir->health.is_offline()) continue;
    const Result<void> written = co_await write_dir_checkpoints(*dir);
    if (!written) all = written;
  }
  co_return all;
}

Task<Result<void>> LogManager::Core::save_start_offsets() {
  if (options.planted_forget_start_offsets) co_return Result<void>();
  Result<void> all;
  for (const auto& dir : dirs) {
    if (dir->health.is_offline()) continue;
    const Result<void> written = co_await write_dir_checkpoint(*dir, kLogStartFile);
    if (!written) all = written;
  }
  co_return all;
}

void LogManager::Core::start_loops() {
  tasks_.spawn(&Core::checkpoint_loop, this, options.recovery_point_checkpoint_ms, kRecoveryPointFile);
  tasks_.spawn(&Core::checkpoint_loop, this, options.log_start_checkpoint_ms, kLogStartFile);
  tasks_.spawn(&Core::checkpoint_loop, this, options.high_watermark_checkpoint_ms, kReplicationFile);
  tasks_.spawn(&Core::space_loop, this);
}

Task<void> LogManager::Core::checkpoint_loop(Core* core, int64_t interval_ms, std::string_view file) {
  for (;;) {
    // An interval of 0 would be a loop without a pause.
    const MonoTime next = core->environment.executor.now() + std::max<Duration>(duration_of_ms(interval_ms), kCheckpointPauseMin);
    const Result<void> slept = co_await runtime::sleep_until(core->environment.executor, next, core->stop_.token());
    if (!slept) co_return;
    for (const auto& dir : core->dirs) {
      if (dir->health.is_offline()) continue;
      const Result<void> written = co_await core->write_dir_checkpoint(*dir, file);
      if (!written) core->environment.log.warning("checkpoint: {}", written.error().describe());
    }
  }
}

Task<void> LogManager::Core::space_loop(Core* core) {
  MonoTime period = core->environment.executor.now();
  for (;;) {
    if (core->environment.executor.now() - period >= kIdleFilePeriod) {
      period = core->environment.executor.now();
      core->files.close_idle();
    }
    const MonoTime next = core->environment.executor.now() + kSpaceInterval;
    const Result<void> slept = co_await runtime::sleep_until(core->environment.executor, next, core->stop_.token());
    if (!slept) co_return;
    for (const auto& dir : core->dirs) {
      if (!dir->health.is_offline()) co_await core->measure_space(*dir);
    }
  }
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
