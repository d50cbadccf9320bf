// Taking a log away: its directory gets the name of something that is going away, and goes later, or is kept as a stray.
#include <fmt/format.h>

#include "weir/storage/log_manager_core.h"

namespace weir::storage {

Task<Result<void>> LogManager::Core::remove_log(std::string topic, PartitionIndex partition, DirectoryKind kind) {
  WEIR_CO_CHECK(co_await structure_.acquire(environment.executor));
  const runtime::HeldPermit alone(structure_);
  const TopicPartition key{topic, partition};
  if (const auto found = recovering.find(key); found != recovering.end()) {
    found->second.removal = kind;   // when it is done
    co_return Result<void>();
  }
  if (const auto found = logs.find(key); found != logs.end()) {
    const size_t index = found->second.dir;
    const std::unique_ptr<Log> log = std::move(found->second.log);
    logs.erase(found);
    ++logs_changes;
    co_await log->abandon();
    WEIR_CO_TRY(std::string to, co_await rename_away(index, key, kind));
    if (kind == DirectoryKind::kDelete) remove_in_a_while(std::move(to), duration_of_ms(log->options().file_delete_delay_ms));
  }
  if (const auto left_out = unreadable.find(key); left_out != unreadable.end()) {
    WEIR_CO_TRY(std::string to, co_await rename_away(left_out->second.dir, key, kind));
    unreadable.erase(left_out);
    if (kind == DirectoryKind::kDelete) remove_in_a_while(std::move(to), duration_of_ms(options.defaults.file_delete_delay_ms));
  }
  co_return Result<void>();
}

// Gives the partition's directory the name of something that is going away; returns its new path.
Task<Result<std::string>> LogManager::Core::rename_away(size_t index, const TopicPartition& partition, DirectoryKind kind) {
  Dir& dir = *dirs[index];
  if (dir.health.is_offline()) co_return fail(dir.health.offline_error());
  const std::string& path = dir.health.path();
  const std::string from = fmt::format("{}/{}", path, directory_name(partition.topic, partition.partition));
  const std::string to = fmt::format("{}/{}", path, directory_name(partition.topic, partition.partition, environment.random.uuid(), kind));
  Result<void> done = co_await environment.disk.rename(from, to);
  if (!done && done.error().code() == ErrorCode::kNoSpace && kind == DirectoryKind::kDelete) {
    done = co_await environment.disk.remove_all(from);   // a full disk may have no room for a name
  }
  if (done) done = co_await environment.disk.sync_directory(path);
  if (!done && done.error().code() == ErrorCode::kUnavailable) co_return fail(done.error());   // the next start takes it up
  if (!done) {
    dir.health.take_offline(done.error());
    co_return fail(dir.health.offline_error());
  }
  co_return to;
}

void LogManager::Core::remove_in_a_while(std::string path, Duration delay) {
  if (!closing_) tasks_.spawn(&Core::remove_later, this, std::move(path), delay);
}

Task<void> LogManager::Core::remove_later(Core* core, std::string path, Duration delay) {
  if (delay > Duration(0)) {
    const MonoTime when = core->environment.executor.now() + delay;
    const Result<void> slept = co_await runtime::sleep_until(core->environment.executor, when, core->stop_.token());
    if (!slept) co_return;   // the next start takes it up
  }
  const Result<void> removed = co_await core->environment.disk.remove_all(path);
  if (!removed) core->environment.log.warning("{}: {}", path, removed.error().describe());
}

}  // namespace weir::storage
