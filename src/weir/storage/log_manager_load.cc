#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/base/internal_topics.h"
#include "weir/storage/log_manager_core.h"
#include "weir/storage/partition_metadata.h"
#include "weir/storage/segment_files.h"

namespace weir::storage {
namespace {

constexpr Duration kReportInterval = 1s;
constexpr std::string_view kKnownOtherDirectory = "remote-log-index-cache";

// 0 where the file says nothing, or what cannot be.
Offset checkpointed(const Checkpoint& checkpoint, const TopicPartition& partition) {
  const auto found = checkpoint.find(partition);
  return found == checkpoint.end() ? Offset(0) : std::max(Offset(0), found->second);
}

}  // namespace

Task<Result<void>> LogManager::Core::load() {
  std::vector<LoadJob> jobs;
  for (size_t i = 0; i < dirs.size(); ++i) {
    if (dirs[i]->health.is_offline()) continue;
    const Result<void> scanned = co_await scan_dir(i, jobs);
    if (!scanned) dirs[i]->health.take_offline(scanned.error());
  }
  recovery_left.assign(dirs.size(), RecoveryLeft{});
  std::vector<LoadJob> later;
  co_await load_all(jobs, &later);
  // The smallest first: taken from the back.
  std::sort(later.begin(), later.end(), [](const LoadJob& a, const LoadJob& b) { return a.left.bytes > b.left.bytes; });
  if (!later.empty()) tasks_.spawn(&Core::report_recovery, this);
  std::vector<LoadJob> internal;   // whose readers do not ask twice
  const auto now = [this](const LoadJob& job) { return !options.serve_while_recovering || is_internal_topic(job.partition.topic); };
  std::copy_if(later.begin(), later.end(), std::back_inserter(internal), now);
  std::erase_if(later, now);
  leave_for_later(std::move(later));
  co_await load_all(internal, nullptr);
  loaded_ = true;
  // Recovery may have cut what an old recovery point vouches for: the new ones come before the first append.
  const Result<void> written = co_await write_checkpoints();
  if (!written) environment.log.warning("checkpoint: {}", written.error().describe());
  const bool any = std::any_of(dirs.begin(), dirs.end(), [](const auto& dir) { return !dir->health.is_offline(); });
  if (!any) co_return fail(dirs[0]->health.offline_error());
  start_loops();
  for (int i = workers_for(later_.size()); i > 0; --i) tasks_.spawn(&Core::recover_later, this);
  co_return Result<void>();
}

// No more than there is to do: the option goes up to 2^31 - 1.
int LogManager::Core::workers_for(size_t jobs) const {
  return static_cast<int>(std::min<size_t>(jobs, static_cast<size_t>(std::max(1, options.recoveries_in_parallel_max))));
}

Task<void> LogManager::Core::load_all(std::vector<LoadJob>& jobs, std::vector<LoadJob>* later) {
  runtime::TaskGroup workers(environment.executor);
  for (int i = workers_for(jobs.size()); i > 0; --i) workers.spawn(&Core::load_some, this, &jobs, later);
  const Result<void> joined = co_await workers.join();
  WEIR_ASSERT(joined.has_value());
}

void LogManager::Core::leave_for_later(std::vector<LoadJob> jobs) {
  // The same partition in two directories: the second fails as it does without this.
  for (const LoadJob& job : jobs) recovering.emplace(job.partition, Recovering{job.dir, std::nullopt});
  later_ = std::move(jobs);
  recoveries_left_ = later_.size();
  if (!later_.empty()) environment.log.warning("{} logs have much to recover; they are served when they are done", later_.size());
}

Task<Result<void>> LogManager::Core::scan_dir(size_t index, std::vector<LoadJob>& jobs) {
  Dir& dir = *dirs[index];
  WEIR_CO_TRY(const std::vector<runtime::DirEntry> entries, co_await environment.disk.list(dir.health.path()));
  for (const runtime::DirEntry& entry : entries) {
    if (!entry.is_directory || entry.name == kKnownOtherDirectory) continue;
    const std::optional<DirectoryName> name = parse_directory_name(entry.name);
    const std::string path = fmt::format("{}/{}", dir.health.path(), entry.name);
    if (!name) {
      environment.log.warning("{} is not the directory of a log (topic-partition) and is left alone; Kafka would refuse to start", path);
    } else if (name->kind == DirectoryKind::kDelete) {
      tasks_.spawn(&Core::remove_later, this, path, Duration(0));
    } else if (name->kind != DirectoryKind::kLog) {
      environment.log.info("{} is left alone", path);
    } else if (name->partition.topic != kMetadataTopic) {
      jobs.push_back({name->partition, index, kZeroUuid, {}});
    }
  }
  co_return Result<void>();
}

// With `later`, a log that has much to recover goes there.
Task<void> LogManager::Core::load_some(Core* core, std::vector<LoadJob>* jobs, std::vector<LoadJob>* later) {
  while (!jobs->empty()) {
    LoadJob job = jobs->back();
    jobs->pop_back();
    if (later != nullptr && !core->dirs[job.dir]->clean.found && !core->dirs[job.dir]->health.is_offline()) {
      // What goes wrong here goes wrong again below, and is dealt with there.
      const Result<void> looked = co_await core->look_at(job);
      if (looked && job.left.bytes > core->options.recover_at_once_bytes) {
        RecoveryLeft& left = core->recovery_left[job.dir];
        left = {left.logs + 1, left.segments + job.left.segments, left.bytes + job.left.bytes};
        later->push_back(std::move(job));
        continue;
      }
      job.left = {};
    }
    co_await core->load_job(std::move(job));
  }
}

// How much recovery would read: the segments from the one that holds the recovery point on.
Task<Result<void>> LogManager::Core::look_at(LoadJob& job) {
  Dir& dir = *dirs[job.dir];
  const Offset recovery_point = checkpointed(dir.on_disk[kRecoveryPointFile], job.partition);
  const std::string path = fmt::format("{}/{}", dir.health.path(), directory_name(job.partition.topic, job.partition.partition));
  WEIR_CO_TRY(const std::vector<runtime::DirEntry> files, co_await environment.disk.list(path));
  Offset first(0);
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (name && name->suffix == kLogSuffix && name->mark.empty() && name->base <= recovery_point) first = std::max(first, name->base);
  }
  job.left.logs = 1;
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (!name || name->suffix != kLogSuffix || !name->mark.empty() || name->base < first) continue;
    ++job.left.segments;
    job.left.bytes += static_cast<int64_t>(file.size);
  }
  co_return Result<void>();
}

Task<void> LogManager::Core::load_job(LoadJob job) {
  const Result<void> loaded = co_await load_one(job);
  RecoveryLeft& left = recovery_left[job.dir];
  WEIR_ASSERT(left.logs >= job.left.logs && left.bytes >= job.left.bytes, left.logs, left.bytes, job.left.bytes);
  left = {left.logs - job.left.logs, left.segments - job.left.segments, left.bytes - job.left.bytes};
  if (loaded) co_return;
  Dir& dir = *dirs[job.dir];
  const ErrorCode code = loaded.error().code();
  environment.log.error("{}/{}: {}", dir.health.path(), directory_name(job.partition.topic, job.partition.partition), loaded.error().describe());
  unreadable.emplace(job.partition, Unreadable{loaded.error(), job.topic_id, job.dir});
  if (code == ErrorCode::kDiskError || code == ErrorCode::kNoSpace || code == ErrorCode::kPermissionDenied) dir.health.take_offline(loaded.error());
}

// What load() left, one after another. A log is given out when its new recovery point is on disk, as in load().
Task<void> LogManager::Core::recover_later(Core* core) {
  while (!core->later_.empty() && !core->closing_) {
    const LoadJob job = core->later_.back();
    core->later_.pop_back();
    co_await core->load_job(job);
    const Result<void> written = co_await core->dirs[job.dir]->write_recovery_points();
    if (!written) core->environment.log.warning("checkpoint: {}", written.error().describe());
    const auto entry = core->recovering.find(job.partition);
    std::optional<DirectoryKind> removal;
    if (entry != core->recovering.end()) {   // else it lay in two directories, and the other one was done first
      removal = entry->second.removal;
      core->recovering.erase(entry);
    }
    if (removal) {
      const Result<void> removed = co_await core->remove_log(job.partition.topic, job.partition.partition, *removal);
      if (!removed) core->environment.log.warning("cannot remove {}-{}: {}", job.partition.topic, job.partition.partition, removed.error().describe());
    }
    core->recovered_.push_back(job.partition);
    WEIR_ASSERT(core->recoveries_left_ > 0);
    --core->recoveries_left_;
    core->recovered_waiters_.notify_all();
  }
  core->recovered_waiters_.notify_all();
}

Task<std::optional<TopicPartition>> LogManager::Core::next_recovered(runtime::StopToken stop) {
  while (recovered_.empty()) {
    if (recoveries_left_ == 0 || closing_ || stop.stop_requested()) co_return std::nullopt;
    (void)co_await recovered_waiters_.wait(environment.executor, Deadline::never(), stop);
  }
  const TopicPartition next = recovered_.front();
  recovered_.erase(recovered_.begin());
  co_return next;
}

Task<void> LogManager::Core::report_recovery(Core* core) {
  for (;;) {
    for (size_t i = 0; i < core->dirs.size(); ++i) {
      const RecoveryLeft& left = core->recovery_left[i];
      if (left.logs == 0) continue;
      core->environment.log.info("{}: {} logs are still to be recovered, {} segments, {} MiB", core->dirs[i]->health.path(), left.logs,
                                 left.segments, left.bytes >> 20);
    }
    const MonoTime next = core->environment.executor.now() + kReportInterval;
    const Result<void> slept = co_await runtime::sleep_until(core->environment.executor, next, core->stop_.token());
    const bool done = std::all_of(core->recovery_left.begin(), core->recovery_left.end(), [](const RecoveryLeft& left) { return left.logs == 0; });
    if (!slept || done) co_return;
  }
}

Result<void> LogManager::Core::lies_nowhere_else(const TopicPartition& partition) const {
  const Entry* other = find(partition.topic, partition.partition);
  if (other == nullptr) return {};
  return fail(ErrorCode::kAlreadyExists, fmt::format("the same partition lies in {} too", dirs[other->dir]->health.path()));
}

Task<Result<void>> LogManager::Core::load_one(LoadJob& job) {
  Dir& dir = *dirs[job.dir];
  if (dir.health.is_offline()) co_return Result<void>();
  dir.not_found.erase(job.partition);
  WEIR_CO_CHECK(lies_nowhere_else(job.partition));
  const std::string path = fmt::format("{}/{}", dir.health.path(), directory_name(job.partition.topic, job.partition.partition));
  WEIR_CO_TRY(job.topic_id, co_await read_partition_metadata(environment.disk, path));
  LogRecovery recovery;
  recovery.clean = dir.clean.found;
  recovery.recovery_point = checkpointed(dir.on_disk[kRecoveryPointFile], job.partition);
  recovery.log_start = checkpointed(dir.on_disk[kLogStartFile], job.partition);
  recovery.high_watermark = checkpointed(dir.on_disk[kReplicationFile], job.partition);
  WEIR_CO_TRY(std::unique_ptr<Log> log, co_await Log::open(services(job.dir), path, options.defaults, recovery));
  WEIR_CO_CHECK(lies_nowhere_else(job.partition));   // both may have been opened at once
  logs[job.partition] = Entry{std::move(log), job.topic_id, job.dir};
  ++logs_changes;
  co_return Result<void>();
}

}  // namespace weir::storage
