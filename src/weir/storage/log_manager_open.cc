// Opening the log directories: which cluster, node and directories these are, locks, what the last run left behind.
#include <algorithm>

#include <fmt/format.h>

#include "weir/storage/log_manager_core.h"

namespace weir::storage {

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
  Result<std::unique_ptr<runtime::FileLock>> lock = co_await environment.disk.lock(fmt::format("{}/{}", path, kLockFile));
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
  dir.not_found = dir.on_disk[kReplicationFile];
  WEIR_CO_TRY(dir.clean, co_await take_clean_shutdown(environment.disk, path));
  co_await measure_space(dir);
  co_return Result<void>();
}

}  // namespace weir::storage
