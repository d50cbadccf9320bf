// weir backup: a copy of topics, their options and the positions of groups, through the protocol alone.
//
// Consistent in this sense: positions of groups are read first, then the end of every partition, then the records below those
// ends. So every position in the backup lies within the records in the backup, and no transaction is in it by half: the end
// is the last stable offset, and records of aborted transactions are left out.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/base/crc32c.h"
#include "weir/cli/amounts.h"
#include "weir/cli/backup/manifest.h"
#include "weir/cli/backup/run.h"
#include "weir/cli/backup/verify.h"
#include "weir/cli/json_text.h"
#include "weir/cli/progress.h"
#include "weir/cli/when.h"
#include "weir/client/admin_groups.h"
#include "weir/client/consumer.h"

namespace weir::cli {

namespace {

constexpr size_t kPartitionsAtOnceMax = 256;  // files open at a time
constexpr size_t kWriteBytes = 1 << 20;

// The file of one partition while it is written.
struct OutFile {
  BackupPartition* partition = nullptr;
  std::string topic;
  std::unique_ptr<runtime::File> file;
  Bytes waiting;
};

class Backup {
 public:
  Backup(ClientContext& context, BackupArgs args) : context_(context), args_(std::move(args)), disk_(context.env.disk) {}

  Task<Result<void>> run() {
    WEIR_CO_CHECK(co_await prepare_directory());
    Result<void> done = co_await copy();
    progress_.finish();
    if (!done) {
      // Nothing half done stays, and no directory that was made for it.
      (void)co_await disk_.remove_all(args_.dir + "/topics");
      (void)co_await disk_.remove(path(kUnfinishedName));
      if (made_directory_) {
        const auto left = co_await disk_.list(args_.dir);
        if (left && left->empty()) (void)co_await disk_.remove_all(args_.dir);
      }
      co_return done;
    }
    report_done();
    co_return done;
  }

 private:
  std::string path(std::string_view name) const { return fmt::format("{}/{}", args_.dir, name); }

  Task<Result<void>> prepare_directory() {
    const Result<runtime::DirEntry> there = co_await disk_.stat(args_.dir);
    made_directory_ = !there && there.error().code() == ErrorCode::kNotFound;
    WEIR_CO_CHECK(co_await disk_.create_directories(args_.dir));
    WEIR_CO_TRY(const auto entries, co_await disk_.list(args_.dir));
    const bool is_unfinished = std::ranges::any_of(entries, [](const auto& one) { return one.name == kUnfinishedName; });
    if (!entries.empty() && !is_unfinished) {
      co_return fail(ErrorCode::kAlreadyExists, fmt::format("{} is not empty\nname a new directory with --to; a backup never writes over another", args_.dir));
    }
    if (is_unfinished) WEIR_CO_CHECK(co_await disk_.remove_all(args_.dir + "/topics"));
    co_return co_await write_file_atomically(disk_, path(kUnfinishedName), to_bytes("a backup is being made here; without backup.json it is not whole\n"));
  }

  Task<Result<void>> copy() {
    began_ = context_.env.executor.now();
    WEIR_CO_TRY(const auto known, co_await context_.cluster.all_topics(context_.patience()));
    manifest_.cluster = context_.cluster.cluster_id();
    manifest_.made = iso_text(context_.env.clock.wall_ms());
    if (!args_.no_groups) WEIR_CO_CHECK(co_await read_groups());
    for (const client::TopicPtr& topic : known) {
      if (args_.topics.empty() ? !topic->is_internal : std::ranges::find(args_.topics, topic->name) != args_.topics.end()) WEIR_CO_CHECK(co_await add_topic(topic));
    }
    for (const std::string& name : args_.topics) {
      if (std::ranges::find(manifest_.topics, name, &BackupTopic::name) == manifest_.topics.end()) WEIR_CO_CHECK(co_await find_topic(context_, name));
    }
    keep_positions_of_topics();
    for (const auto& topic : manifest_.topics) for (const auto& one : topic.partitions) offsets_total_ += static_cast<uint64_t>(one.end - one.start);
    WEIR_CO_CHECK(co_await copy_records());
    WEIR_CO_CHECK(co_await write_file_atomically(disk_, path(kManifestName), to_bytes(manifest_text(manifest_))));
    WEIR_CO_CHECK(co_await disk_.remove(path(kUnfinishedName)));
    co_return co_await disk_.sync_directory(args_.dir);
  }

  Task<Result<void>> read_groups() {
    client::GroupAdmin groups(context_.cluster);
    WEIR_CO_TRY(const auto listed, co_await groups.list(context_.patience()));
    for (const client::ListedGroup& group : listed) {
      const auto offsets = co_await groups.offsets(group.name, context_.patience());
      if (!offsets) co_return fail(offsets.error().within(fmt::format("positions of group \"{}\"", group.name)));
      if (offsets->empty()) continue;
      BackupGroup& kept = manifest_.groups.emplace_back();
      kept.name = group.name;
      for (const auto& [key, committed] : *offsets) kept.positions.push_back({key.topic, key.index.value(), committed.offset.value(), committed.metadata});
    }
    co_return Result<void>();
  }

  void keep_positions_of_topics() {
    for (BackupGroup& group : manifest_.groups) {
      std::erase_if(group.positions, [&](const BackupPosition& one) { return std::ranges::find(manifest_.topics, one.topic, &BackupTopic::name) == manifest_.topics.end(); });
    }
    std::erase_if(manifest_.groups, [](const BackupGroup& group) { return group.positions.empty(); });
  }

  Task<Result<void>> add_topic(client::TopicPtr topic) {
    BackupTopic kept;
    kept.name = topic->name;
    for (const client::Partition& one : topic->partitions) kept.replication_factor = std::max(kept.replication_factor, static_cast<int16_t>(one.replicas.size()));
    WEIR_CO_TRY(const auto configs, co_await context_.admin.describe_configs({client::ResourceType::kTopic, topic->name}, context_.patience()));
    for (const client::ConfigEntry& one : configs) {
      if (one.source == client::ConfigSource::kTopic && one.value) kept.configs.emplace_back(one.name, *one.value);
    }
    WEIR_CO_TRY(const auto ends, co_await context_.admin.list_offsets(topic->name, {}, client::kLatest, context_.patience(), client::Isolation::kReadCommitted));
    WEIR_CO_TRY(const auto starts, co_await context_.admin.list_offsets(topic->name, {}, client::kEarliest, context_.patience(), client::Isolation::kReadCommitted));
    for (size_t i = 0; i < ends.size() && i < starts.size(); ++i) {
      kept.partitions.push_back({.index = ends[i].partition.value(), .start = std::min(starts[i].offset, ends[i].offset).value(), .end = ends[i].offset.value()});
    }
    manifest_.topics.push_back(std::move(kept));
    co_return Result<void>();
  }

  Task<Result<void>> copy_records() {
    std::vector<OutFile> all;
    for (BackupTopic& topic : manifest_.topics) {
      for (BackupPartition& one : topic.partitions) {
        if (one.start < one.end) all.push_back({&one, topic.name, nullptr, {}});
      }
    }
    for (size_t at = 0; at < all.size(); at += kPartitionsAtOnceMax) {
      const std::span<OutFile> some = std::span(all).subspan(at, std::min(kPartitionsAtOnceMax, all.size() - at));
      client::Consumer consumer(context_.cluster, {.read_committed = true});
      Result<void> done = co_await copy_some(&consumer, some);
      co_await consumer.close();
      if (!done) co_return done;
    }
    co_return Result<void>();
  }

  Task<Result<void>> copy_some(client::Consumer* consumer, std::span<OutFile> files) {
    std::map<client::PartitionKey, OutFile*> open;
    for (OutFile& one : files) {
      const client::PartitionKey key{one.topic, PartitionIndex(one.partition->index)};
      consumer->assign(key.topic, key.index, {client::Start::Kind::kOffset, one.partition->start});
      open.emplace(key, &one);
    }
    while (!open.empty()) {
      for (auto at = open.begin(); at != open.end();) {
        const auto position = consumer->position(at->first.topic, at->first.index);
        if (!position || position->value() < at->second->partition->end) {
          ++at;
          continue;
        }
        consumer->unassign(at->first.topic, at->first.index);
        WEIR_CO_CHECK(co_await close_file(at->second));
        at = open.erase(at);
      }
      show();
      if (open.empty()) break;
      WEIR_CO_TRY(const auto batch, co_await consumer->poll({Deadline::at(context_.env.executor.now() + 200ms), context_.stop}));
      if (!batch) continue;
      const auto mine = open.find({batch->topic, batch->partition});
      if (mine == open.end() || batch->records.front().offset.value() >= mine->second->partition->end) continue;
      WEIR_CO_CHECK(co_await add_batch(mine->second, *batch));
    }
    co_return Result<void>();
  }

  Task<Result<void>> add_batch(OutFile* out, const client::ConsumedBatch& batch) {
    BackupPartition& partition = *out->partition;
    if (out->file == nullptr) {
      partition.file = backup_file_name(out->topic, partition.index, partition.start);
      const std::string full = path(partition.file);
      WEIR_CO_CHECK(co_await disk_.create_directories(runtime::parent_directory(full)));
      WEIR_CO_TRY(out->file, co_await disk_.open(full, runtime::OpenMode::kCreate));
    }
    const ByteView bytes = batch.bytes.view();
    out->waiting.insert(out->waiting.end(), bytes.begin(), bytes.end());
    partition.records += batch.records.size();
    offsets_done_ += static_cast<uint64_t>(batch.records.size());
    if (out->waiting.size() >= kWriteBytes) co_return co_await write_waiting(out);
    co_return Result<void>();
  }

  Task<Result<void>> write_waiting(OutFile* out) {
    if (out->waiting.empty()) co_return Result<void>();
    const ByteView part(out->waiting);
    WEIR_CO_CHECK(co_await out->file->write_at(out->partition->bytes, {&part, 1}));
    out->partition->crc = crc32c(part, out->partition->crc);
    out->partition->bytes += part.size();
    bytes_ += part.size();
    out->waiting.clear();
    co_return Result<void>();
  }

  Task<Result<void>> close_file(OutFile* out) {
    if (out->file == nullptr) co_return Result<void>();
    WEIR_CO_CHECK(co_await write_waiting(out));
    WEIR_CO_CHECK(co_await out->file->sync_data());
    out->file.reset();
    const std::string full = path(out->partition->file);
    co_return co_await disk_.sync_directory(runtime::parent_directory(full));
  }

  void show() {
    const MonoTime now = context_.env.executor.now();
    progress_.show({.what = "backup", .done = std::min(offsets_done_, offsets_total_), .total = offsets_total_, .elapsed = now - began_}, now);
  }

  void report_done() const {
    const Duration took = context_.env.executor.now() - began_;
    if (args_.cluster.json) {
      fmt::print("{{\"backup\":{},\"topics\":{},\"records\":{},\"bytes\":{},\"groups\":{},\"seconds\":{:.2f}}}\n", json_string(args_.dir), manifest_.topics.size(),
                 manifest_.records(), manifest_.bytes(), manifest_.groups.size(), static_cast<double>(took.count()) * 1e-9);
      return;
    }
    fmt::print("{}: {}, {}, {}, positions of {}, in {}\n", args_.dir, counted(manifest_.topics.size(), "topic"), counted(manifest_.records(), "record"),
               bytes_text(static_cast<double>(manifest_.bytes())), counted(manifest_.groups.size(), "group"), duration_text(took));
  }

  ClientContext& context_;
  BackupArgs args_;
  runtime::Disk& disk_;
  Manifest manifest_;
  Progress progress_;
  MonoTime began_;
  bool made_directory_ = false;
  uint64_t offsets_total_ = 0;
  uint64_t offsets_done_ = 0;
  uint64_t bytes_ = 0;
};

Task<int> run_verify(runtime::Environment& env, std::string dir, bool json) {
  Progress progress;
  const auto report_of = co_await verify_backup(env, std::move(dir), progress);
  progress.finish();
  if (!report_of) {
    report(report_of.error());
    co_return kFailed;
  }
  for (const std::string& finding : report_of->findings) report(finding);
  if (json) {
    fmt::print("{{\"topics\":{},\"records\":{},\"bytes\":{},\"findings\":{}}}\n", report_of->topics, report_of->records, report_of->bytes, report_of->findings.size());
  } else if (report_of->findings.empty()) {
    fmt::print("whole: {}, {}, {}\n", counted(report_of->topics, "topic"), counted(report_of->records, "record"), bytes_text(static_cast<double>(report_of->bytes)));
  }
  co_return report_of->findings.empty() ? kDone : kFailed;
}

}  // namespace

Task<Result<void>> run_backup(ClientContext& context, BackupArgs args) {
  Backup backup(context, std::move(args));
  co_return co_await backup.run();
}

int backup(const BackupArgs& args) {
  if (args.verify) {
    runtime::RealProcess process({.log_level = LogLevel::kError});
    return process.run(run_verify, args.dir, args.cluster.json);
  }
  return run_client(args, args.cluster, &run_backup, OnInterrupt::kStop);
}

}  // namespace weir::cli
