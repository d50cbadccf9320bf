// What goes on beside the logs while they are served: the clock of the checkpoints, the space that is left, idle descriptors.
#include <algorithm>

#include "weir/storage/log_manager_core.h"

namespace weir::storage {
namespace {

constexpr Duration kSpaceInterval = 1s;
constexpr Duration kIdleFilePeriod = 20s;   // a descriptor that is not used goes after two to three of them
constexpr Duration kCheckpointPauseMin = 100ms;
constexpr int64_t kResumeMarginMax = 16 << 20;

}  // namespace

int64_t disk_reserve(int64_t disk_bytes) {
  const int64_t reserve = std::clamp(disk_bytes / 100, int64_t{256} << 20, int64_t{8} << 30);
  return std::min(reserve, disk_bytes / 8);
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

}  // namespace weir::storage
