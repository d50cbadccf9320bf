#include "weir/node/adopt.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "weir/base/internal_topics.h"
#include "weir/node/adopt_parts.h"
#include "weir/node/version.h"
#include "weir/raft/snapshot.h"
#include "weir/storage/checkpoint_file.h"
#include "weir/storage/clean_shutdown.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/segment_files.h"

namespace weir::node {
namespace {

Task<bool> exists(runtime::Disk& disk, std::string path) {
  const auto found = co_await disk.stat(std::move(path));
  co_return found.has_value();
}

// Adds one log's segments to its directory and topic.
Task<Result<void>> inspect_log(runtime::Disk& disk, std::string path, std::optional<Offset> recovery_point, AdoptDirectory* directory,
                               AdoptTopic* topic) {
  WEIR_CO_TRY(const std::vector<runtime::DirEntry> files, co_await disk.list(path));
  std::vector<std::pair<Offset, uint64_t>> segments;
  for (const runtime::DirEntry& entry : files) {
    const auto name = storage::parse_segment_file_name(entry.name);
    if (name && name->suffix == storage::kLogSuffix && name->mark.empty()) segments.emplace_back(name->base, entry.size);
  }
  std::ranges::sort(segments);
  uint64_t unsure = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    directory->bytes += segments[i].second;
    topic->bytes += segments[i].second;
    const bool vouched = recovery_point && i + 1 < segments.size() && segments[i + 1].first <= *recovery_point;
    if (!vouched) unsure += segments[i].second;
  }
  ++directory->logs;
  ++topic->partitions;
  if (recovery_point && unsure > 0) {
    ++directory->logs_to_recover;
    directory->bytes_to_recover += unsure;
  }
  co_return Result<void>();
}

Task<Result<void>> inspect_directory(runtime::Environment& environment, AdoptDirectory* directory,
                                     std::map<std::string, AdoptTopic>* topics, AdoptReport* report) {
  runtime::Disk& disk = environment.disk;
  const std::string path = directory->path;
  directory->was_clean = co_await exists(disk, fmt::format("{}/{}", path, storage::kCleanShutdownFile));
  storage::Checkpoint recovery_points;
  if (!directory->was_clean) {
    WEIR_CO_TRY(recovery_points, co_await storage::read_checkpoint(disk, fmt::format("{}/{}", path, storage::kRecoveryPointFile)));
  }
  WEIR_CO_TRY(const std::vector<runtime::DirEntry> entries, co_await disk.list(path));
  std::vector<std::string> strange;
  for (const runtime::DirEntry& entry : entries) {
    if (!entry.is_directory || entry.name == kMetadataLogName || entry.name == "remote-log-index-cache" || entry.name == "lost+found") continue;
    const auto name = storage::parse_directory_name(entry.name);
    if (!name) {
      strange.push_back(entry.name);
      continue;
    }
    if (name->kind == storage::DirectoryKind::kFuture) {
      report->problems.push_back({fmt::format("{}/{} is a replica on its way between log directories", path, entry.name),
                                  "start the server that moves it and let it finish (kafka-log-dirs.sh shows isFuture)"});
    }
    if (name->kind != storage::DirectoryKind::kLog) continue;
    std::optional<Offset> recovery_point;
    if (!directory->was_clean) {
      const auto known = recovery_points.find(name->partition);
      recovery_point = known == recovery_points.end() ? Offset(0) : known->second;
    }
    AdoptTopic& topic = (*topics)[name->partition.topic];
    topic.name = name->partition.topic;
    WEIR_CO_CHECK(co_await inspect_log(disk, fmt::format("{}/{}", path, entry.name), recovery_point, directory, &topic));
  }
  if (!strange.empty()) {
    report->notes.push_back(fmt::format("{} holds directories that are no logs, which are left alone: {}", path, fmt::join(strange, ", ")));
  }
  co_return Result<void>();
}

// Which cluster and node the directories belong to; the one with the metadata log comes to the front.
Task<Result<std::vector<storage::MetaProperties>>> identify(runtime::Environment& environment, std::vector<std::string>* dirs,
                                                            AdoptReport* report) {
  std::vector<storage::MetaProperties> all;
  std::optional<size_t> metadata_at;
  std::optional<size_t> bootstrap_at;
  bool has_logs = false;
  for (size_t i = 0; i < dirs->size(); ++i) {
    const std::string dir = (*dirs)[i];
    const auto entry = co_await environment.disk.stat(dir);
    if (!entry) co_return fail(entry.error());
    WEIR_CO_TRY(const auto properties, co_await storage::read_meta_properties(environment.disk, dir));
    if (!properties) {
      co_return fail(ErrorCode::kNotFound, fmt::format("{} has no meta.properties: it is not a log directory (name what log.dirs names)", dir));
    }
    const std::string lock_file = fmt::format("{}/{}", dir, storage::kLockFile);
    const bool has_lock = co_await exists(environment.disk, lock_file);
    if (has_lock) {
      const auto lock = co_await environment.disk.lock(lock_file);
      if (!lock) co_return fail(lock.error().within(fmt::format("a server runs on {}: stop it first", dir)));
    }
    const bool has_metadata = co_await exists(environment.disk, fmt::format("{}/{}", dir, kMetadataLogName));
    const bool has_bootstrap = co_await exists(environment.disk, fmt::format("{}/{}", dir, raft::kBootstrapCheckpoint));
    if (has_metadata) metadata_at = i;
    if (has_bootstrap && !bootstrap_at) bootstrap_at = i;
    WEIR_CO_TRY(const std::vector<runtime::DirEntry> entries, co_await environment.disk.list(dir));
    has_logs = has_logs || std::ranges::any_of(entries, [](const runtime::DirEntry& e) { return e.is_directory && storage::parse_directory_name(e.name); });
    all.push_back(*properties);
  }
  for (const storage::MetaProperties& properties : all) {
    if (properties.cluster_id == all.front().cluster_id && properties.node_id == all.front().node_id) continue;
    report->problems.push_back({fmt::format("the directories belong to different nodes: cluster {} node {}, and cluster {} node {}",
                                            all.front().cluster_id, all.front().node_id, properties.cluster_id, properties.node_id),
                                "name the log.dirs of one node"});
  }
  report->cluster_id = all.front().cluster_id;
  report->node_id = all.front().node_id;
  if (!metadata_at && !has_logs) metadata_at = bootstrap_at;  // formatted and never started
  if (!metadata_at) {
    report->problems.push_back({fmt::format("none of the directories has the metadata log ({}): this node was a broker without a controller", kMetadataLogName),
                                "name all of log.dirs and metadata.log.dir; a node that is a broker alone is not served yet"});
  } else {
    std::rotate(dirs->begin(), dirs->begin() + static_cast<ptrdiff_t>(*metadata_at), dirs->begin() + static_cast<ptrdiff_t>(*metadata_at) + 1);
    std::rotate(all.begin(), all.begin() + static_cast<ptrdiff_t>(*metadata_at), all.begin() + static_cast<ptrdiff_t>(*metadata_at) + 1);
  }
  co_return all;
}

}  // namespace

Task<Result<AdoptReport>> inspect_directories(runtime::Environment& environment, std::vector<std::string> dirs) {
  WEIR_ASSERT(!dirs.empty());
  AdoptReport report;
  WEIR_CO_TRY(const std::vector<storage::MetaProperties> properties, co_await identify(environment, &dirs, &report));
  std::map<std::string, AdoptTopic> topics;
  for (size_t i = 0; i < dirs.size(); ++i) {
    AdoptDirectory& directory = report.directories.emplace_back();
    directory.path = dirs[i];
    directory.id = properties[i].directory_id;
    WEIR_CO_CHECK(co_await inspect_directory(environment, &directory, &topics, &report));
  }
  for (auto& [name, topic] : topics) report.topics.push_back(std::move(topic));
  WEIR_CO_CHECK(co_await inspect_metadata(environment, dirs.front(), properties.front().directory_id, &report));
  co_return report;
}

Task<Result<void>> write_adoption(runtime::Environment& environment, const AdoptReport& report) {
  std::string dirs;
  for (const AdoptDirectory& directory : report.directories) dirs += fmt::format("{}{}", dirs.empty() ? "" : ",", directory.path);
  const std::string text = fmt::format(
      "Adopted by Weir {}: cluster {}, node {}.\n"
      "Nothing in the directory was changed for it: Weir serves Kafka's files as they are, and Kafka those that Weir writes.\n"
      "To go back: stop Weir with SIGTERM and wait for its end, run `weir adopt --undo {}`, start Kafka.\n"
      "metadata.end={}\nclean={}\n",
      kVersion, report.cluster_id, report.node_id, dirs, report.metadata_end,
      std::ranges::all_of(report.directories, &AdoptDirectory::was_clean));
  co_return co_await runtime::write_file_atomically(environment.disk, fmt::format("{}/{}", report.directories.front().path, kAdoptionFile), to_bytes(text));
}

Task<Result<void>> undo_adoption(runtime::Environment& environment, const AdoptReport& report) {
  const std::string& dir = report.directories.front().path;
  const std::string path = fmt::format("{}/{}", dir, kAdoptionFile);
  const bool was_adopted = co_await exists(environment.disk, path);
  if (!was_adopted) {
    co_return fail(ErrorCode::kNotFound, fmt::format("{} was not adopted: there is nothing to undo\n"
                                                     "a directory that Weir was stopped on cleanly can be given to Kafka at any time", dir));
  }
  for (const AdoptDirectory& directory : report.directories) {
    if (directory.was_clean) continue;
    co_return fail(ErrorCode::kInvalidRequest, fmt::format("{} was not stopped cleanly\nstart weir on it, stop it with SIGTERM, and undo then", directory.path));
  }
  WEIR_CO_CHECK(co_await environment.disk.remove(path));
  co_return co_await environment.disk.sync_directory(dir);
}

}  // namespace weir::node
