// Checkpoints of the log directories: recovery points, log starts, high watermarks.
#include <fmt/format.h>

#include "weir/runtime/executor.h"
#include "weir/storage/log_manager_core.h"

namespace weir::storage {
namespace {

constexpr size_t kNotedPerTurn = 8;   // logs: cold in the cache they take some microseconds each

}  // namespace

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

void LogManager::Core::note_in(Checkpoint& checkpoint, std::string_view file, const TopicPartition& partition, const Log& log) const {
  if (file == kRecoveryPointFile) checkpoint[partition] = log.recovery_point();
  else if (file == kReplicationFile) checkpoint[partition] = std::min(log.noted_high_watermark(), log.end_offset());
  else if (log.start_offset() > log.oldest_segment()) checkpoint[partition] = log.start_offset();
}

// A part a turn, so that ten thousand logs hold up nobody. What was noted of one meanwhile is a little old, which is safe. When logs
// came or went on the way, what was noted may be of one that is gone: then all again, at once.
Task<Checkpoint> LogManager::Core::collect_checkpoint(const Dir& dir, std::string_view file) {
  Checkpoint checkpoint;
  const uint64_t changes = logs_changes;
  size_t noted = 0;
  for (auto at = logs.begin(); at != logs.end(); ++at) {
    if (dirs[at->second.dir].get() == &dir) note_in(checkpoint, file, at->first, *at->second.log);
    if (++noted % kNotedPerTurn != 0) continue;
    co_await runtime::yield(environment.executor);
    if (changes != logs_changes) break;   // `at` may be gone
  }
  if (changes == logs_changes) co_return checkpoint;
  checkpoint.clear();
  for (const auto& [partition, entry] : logs) {
    if (dirs[entry.dir].get() == &dir) note_in(checkpoint, file, partition, *entry.log);
  }
  co_return checkpoint;
}

Task<Result<void>> LogManager::Core::write_dir_checkpoint(Dir& dir, std::string_view file) {
  WEIR_CO_CHECK(co_await dir.checkpointing.acquire(environment.executor));
  const runtime::HeldPermit alone(dir.checkpointing);
  if (dir.health.is_offline()) co_return fail(dir.health.offline_error());
  Checkpoint checkpoint = co_await collect_checkpoint(dir, file);
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
