// Checkpoints of the log directories: recovery points, log starts, high watermarks.
#include <fmt/format.h>

#include "weir/storage/log_manager_core.h"

namespace weir::storage {

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

}  // namespace weir::storage
