#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/base/topic_name.h"
#include "weir/runtime/executor.h"
#include "weir/storage/log_manager_core.h"
#include "weir/storage/partition_metadata.h"

namespace weir::storage {
namespace {

constexpr size_t kSyncedOneByOneMax = 4;    // more new directories are made durable by one sync of the file system
constexpr size_t kPerBatch = 1000;          // of one sync
constexpr size_t kPerTurn = 8;              // made before others run: a directory and a file in it take about 0.1 ms

}  // namespace

// How many logs lie in each directory.
std::vector<size_t> LogManager::Core::count_logs() const {
  std::vector<size_t> counts(dirs.size(), 0);
  for (const auto& [partition, entry] : logs) ++counts[entry.dir];
  return counts;
}

// The online directory with the fewest logs; dirs.size() when all are offline.
size_t LogManager::Core::choose_dir(const std::vector<size_t>& counts) const {
  size_t best = dirs.size();
  for (size_t i = 0; i < dirs.size(); ++i) {
    if (dirs[i]->health.is_offline()) continue;
    if (best == dirs.size() || counts[i] < counts[best]) best = i;
  }
  return best;
}

// The log that is there already, nullptr when one may be made.
Task<Result<Log*>> LogManager::Core::existing_log(const NewLog& wanted) {
  const auto& [topic, partition, topic_id, options_wanted, existence] = wanted;
  if (!is_topic_name(topic) || partition < PartitionIndex(0)) {
    co_return fail(ErrorCode::kInvalidTopicException, fmt::format("\"{}\" is not a topic name", topic));
  }
  if (closing_) co_return fail(ErrorCode::kKafkaStorageError, "the log directories are being closed");
  if (recovering.contains(Less::View{topic, partition})) {
    co_return fail(ErrorCode::kUnavailable, fmt::format("{}-{} is still being recovered", topic, partition));
  }
  if (const auto found = logs.find(Less::View{topic, partition}); found != logs.end()) {
    Entry* const there = &found->second;
    if (!topic_id.is_zero() && !there->topic_id.is_zero() && there->topic_id != topic_id) {
      co_return fail(ErrorCode::kInconsistentTopicId, fmt::format("{}-{} has the topic id {} here", topic, partition, there->topic_id.text()));
    }
    if (!topic_id.is_zero() && there->topic_id.is_zero()) {
      // A crash between the directory and the file in it, or a log from before topics had ids.
      const Result<void> written = co_await write_partition_metadata(environment.disk, there->log->path(), topic_id);
      if (!written) co_return fail(ErrorCode::kKafkaStorageError, written.error().describe());
      there->topic_id = topic_id;
    }
    co_return there->log.get();
  }
  if (const auto left_out = unreadable.find(Less::View{topic, partition}); left_out != unreadable.end()) {
    const Uuid theirs = left_out->second.topic_id;
    if (topic_id.is_zero() || theirs.is_zero() || theirs == topic_id) {
      co_return fail(ErrorCode::kKafkaStorageError, left_out->second.error.describe());
    }
    environment.log.warning("{}-{} cannot be read and was another topic's: its directory is renamed to -stray and kept", topic, partition);
    WEIR_CO_CHECK(co_await rename_away(left_out->second.dir, left_out->first, DirectoryKind::kStray));
    unreadable.erase(left_out);
  }
  const bool some_offline = std::any_of(dirs.begin(), dirs.end(), [](const auto& dir) { return dir->health.is_offline(); });
  if (existence == Existence::kMayExist && some_offline) {
    co_return fail(ErrorCode::kKafkaStorageError, fmt::format("{}-{} may lie in a log directory that is offline", topic, partition));
  }
  co_return nullptr;
}

// Somebody removed a directory by hand, or a disk lost it: the log begins anew, and that must not go unnoticed.
void LogManager::Core::tell_if_gone(const TopicPartition& partition) const {
  for (const auto& dir : dirs) {
    const auto known = dir->not_found.find(partition);
    if (known == dir->not_found.end() || known->second == Offset(0)) continue;
    environment.log.error("log {}/{} is gone, and consumers could read up to {} in it: it begins anew, empty", dir->health.path(),
                          directory_name(partition.topic, partition.partition), known->second);
  }
}

// A log of the same name may have lain here before: what checkpoints say of it must go first, those too that are being written.
Task<Result<void>> LogManager::Core::forget_checkpointed(Dir& dir, const std::vector<Creation*>& batch) {
  {
    WEIR_CO_CHECK(co_await dir.checkpointing.acquire(environment.executor));
    const runtime::HeldPermit nobody_writes(dir.checkpointing);
  }
  for (const std::string_view file : {kRecoveryPointFile, kLogStartFile, kReplicationFile}) {
    const auto is_named = [&](const Creation* creation) { return dir.on_disk[file].contains(creation->key); };
    if (std::any_of(batch.begin(), batch.end(), is_named)) WEIR_CO_CHECK(co_await write_dir_checkpoint(dir, file));
  }
  co_return Result<void>();
}

// The directory of one log with its partition.metadata. One by one each step is durable before the next; in a batch the name
// of the file comes when the file is durable (make_batch()), so that a crash leaves no half of it.
Task<Result<void>> LogManager::Core::make_directory(Creation& creation, bool in_batch) {
  runtime::Disk& disk = environment.disk;
  const Result<void> made = co_await disk.create_directory(creation.path);
  if (!made && made.error().code() != ErrorCode::kAlreadyExists) co_return made;
  creation.found_directory = !made;
  if (!in_batch) WEIR_CO_CHECK(co_await disk.sync_directory(dirs[creation.dir]->health.path()));
  if (creation.topic_id.is_zero()) co_return Result<void>();
  if (!in_batch) co_return co_await write_partition_metadata(disk, creation.path, creation.topic_id);
  WEIR_CO_TRY(const auto file, co_await disk.open(creation.path + "/" + std::string(kPartitionMetadataFile) + ".tmp", runtime::OpenMode::kCreate));
  const Bytes content = to_bytes(format_partition_metadata(creation.topic_id));
  const ByteView part(content);
  WEIR_CO_CHECK(co_await file->truncate(0));
  co_return co_await file->write_at(0, {&part, 1});
}

Task<Result<void>> LogManager::Core::make_batch(Dir& dir, const std::vector<Creation*>& batch) {
  const bool at_once = batch.size() > kSyncedOneByOneMax;
  WEIR_CO_CHECK(co_await forget_checkpointed(dir, batch));
  for (size_t i = 0; i < batch.size(); ++i) {
    WEIR_CO_CHECK(co_await make_directory(*batch[i], at_once));
    if (i % kPerTurn == kPerTurn - 1) co_await runtime::yield(environment.executor);
  }
  if (!at_once) co_return Result<void>();
  WEIR_CO_CHECK(co_await dir.volume->sync());
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i]->topic_id.is_zero()) continue;
    const std::string name = batch[i]->path + "/" + std::string(kPartitionMetadataFile);
    WEIR_CO_CHECK(co_await environment.disk.rename(name + ".tmp", name));
    if (i % kPerTurn == kPerTurn - 1) co_await runtime::yield(environment.executor);
  }
  co_return co_await dir.volume->sync();
}

Task<void> LogManager::Core::create_batch(size_t index, std::vector<Creation*> batch) {
  Dir& dir = *dirs[index];
  const Result<void> made = co_await make_batch(dir, batch);
  if (!made && !is_passing(made.error())) dir.health.take_offline(made.error());
  for (size_t i = 0; i < batch.size(); ++i) {
    Creation& creation = *batch[i];
    if (!made) {
      creation.result = fail(ErrorCode::kKafkaStorageError, made.error().describe());
      continue;
    }
    Result<std::unique_ptr<Log>> log = fail(ErrorCode::kInternal);
    if (creation.found_directory) log = co_await Log::open(services(index), creation.path, creation.options, LogRecovery{});
    else log = Log::make(services(index), creation.path, creation.options);
    if (!log) {
      creation.result = fail(ErrorCode::kKafkaStorageError, log.error().describe());
      continue;
    }
    creation.result = log->get();
    logs[creation.key] = Entry{std::move(*log), creation.topic_id, index};
    ++logs_changes;
    if (i % kPerTurn == kPerTurn - 1) co_await runtime::yield(environment.executor);
  }
}

Task<std::vector<Result<Log*>>> LogManager::Core::create_logs(std::vector<NewLog> wanted) {
  const Result<void> alone = co_await structure_.acquire(environment.executor);
  WEIR_ASSERT(alone.has_value());
  const runtime::HeldPermit held(structure_);
  std::vector<Creation> creations(wanted.size());
  std::vector<size_t> counts = count_logs();
  std::vector<std::vector<Creation*>> missing(dirs.size());
  std::map<TopicPartition, size_t> first;   // of those to be made: a partition named twice is made once
  for (size_t i = 0; i < wanted.size(); ++i) {
    Creation& creation = creations[i];
    creation.result = co_await existing_log(wanted[i]);
    if (!creation.result || *creation.result != nullptr) continue;
    creation.key = {wanted[i].topic, wanted[i].partition};
    if (!first.emplace(creation.key, i).second) continue;
    if (wanted[i].existence == Existence::kMayExist) tell_if_gone(creation.key);
    const size_t index = choose_dir(counts);
    if (index == dirs.size()) {
      creation.result = fail(ErrorCode::kKafkaStorageError, "every log directory is offline");
      continue;
    }
    ++counts[index];
    creation.path = fmt::format("{}/{}", dirs[index]->health.path(), directory_name(wanted[i].topic, wanted[i].partition));
    creation.dir = index;
    creation.topic_id = wanted[i].topic_id;
    creation.options = wanted[i].options;
    creation.options.planted_ack_before_sync |= options.defaults.planted_ack_before_sync;
    missing[index].push_back(&creation);
  }
  for (size_t index = 0; index < missing.size(); ++index) {
    std::vector<Creation*>& left = missing[index];
    for (size_t at = 0; at < left.size(); at += kPerBatch) {
      const auto begin = left.begin() + static_cast<ptrdiff_t>(at);
      const auto end = left.begin() + static_cast<ptrdiff_t>(std::min(at + kPerBatch, left.size()));
      std::vector<Creation*> batch(begin, end);
      co_await create_batch(index, std::move(batch));
    }
  }
  std::vector<Result<Log*>> results;
  results.reserve(creations.size());
  for (Creation& creation : creations) {
    const auto same = first.find(creation.key);
    results.push_back(same == first.end() ? creation.result : creations[same->second].result);
  }
  co_return results;
}

Task<Result<Log*>> LogManager::Core::create_log(NewLog wanted) {
  std::vector<NewLog> one;
  one.push_back(std::move(wanted));
  const std::vector<Result<Log*>> made = co_await create_logs(std::move(one));
  co_return made.front();
}

}  // namespace weir::storage
