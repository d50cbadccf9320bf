#include "weir/cli/backup/verify.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/backup/batch_file.h"
#include "weir/record/record.h"

namespace weir::cli {

using runtime::Task;

namespace {

constexpr uint64_t kManifestBytesMax = 1 << 30;
constexpr size_t kUnpackedMax = 512 << 20;

// What is wrong with the file of a partition; nothing when it is whole.
Task<std::string> look_at_partition(runtime::Disk& disk, std::string dir, BackupPartition partition) {
  if (partition.file.empty()) co_return partition.records == 0 ? "" : "has records but no file";
  auto file = co_await BatchFile::open(disk, fmt::format("{}/{}", dir, partition.file));
  if (!file) co_return file.error().message();
  codec::Codecs codecs;
  Bytes scratch;
  uint64_t count = 0;
  int64_t next = partition.start;
  for (;;) {
    const auto batch = co_await file->next();
    if (!batch) co_return batch.error().message();
    if (!*batch) break;
    auto records = record::Records::open(**batch, codecs, kUnpackedMax, scratch);
    if (!records) co_return records.error().message();
    for (;;) {
      const auto one = records->next();
      if (!one) co_return one.error().message();
      if (!*one) break;
      if ((*one)->offset.value() < partition.start) continue;  // of a batch that begins before the log's start
      if ((*one)->offset.value() < next) co_return fmt::format("offset {} comes after {}", (*one)->offset, next - 1);
      next = (*one)->offset.value() + 1;
      ++count;
    }
  }
  if (file->position() != partition.bytes) co_return fmt::format("has {} bytes, backup.json says {}", file->position(), partition.bytes);
  if (file->crc() != partition.crc) co_return fmt::format("its checksum is {:08x}, backup.json says {:08x}", file->crc(), partition.crc);
  if (count != partition.records) co_return fmt::format("has {} records, backup.json says {}", count, partition.records);
  if (next > partition.end) co_return fmt::format("goes on to offset {}, backup.json says {}", next, partition.end);
  co_return "";
}

}  // namespace

Task<Result<Manifest>> read_manifest(runtime::Disk& disk, std::string dir) {
  const auto text = co_await runtime::read_file(disk, fmt::format("{}/{}", dir, kManifestName), kManifestBytesMax);
  if (!text) {
    if (text.error().code() != ErrorCode::kNotFound) co_return fail(text.error());
    const auto unfinished = co_await disk.stat(fmt::format("{}/{}", dir, kUnfinishedName));
    co_return fail(ErrorCode::kNotFound, unfinished ? fmt::format("the backup in {} was not finished\nmake it again: weir backup --to {}", dir, dir)
                                                    : fmt::format("{} holds no backup: there is no backup.json", dir));
  }
  co_return parse_manifest(as_text(*text));
}

Task<Result<VerifyReport>> verify_backup(runtime::Environment& env, std::string dir, Progress& progress) {
  WEIR_CO_TRY(const Manifest manifest, co_await read_manifest(env.disk, dir));
  VerifyReport report;
  report.topics = manifest.topics.size();
  const uint64_t total = manifest.bytes();
  const MonoTime began = env.executor.now();
  for (const BackupTopic& topic : manifest.topics) {
    for (const BackupPartition& partition : topic.partitions) {
      const std::string finding = co_await look_at_partition(env.disk, dir, partition);
      if (!finding.empty()) report.findings.push_back(fmt::format("{}-{}: {}", topic.name, partition.index, finding));
      report.records += partition.records;
      report.bytes += partition.bytes;
      progress.show({.what = "verify", .done = report.bytes, .total = total, .counts_bytes = true, .elapsed = env.executor.now() - began}, env.executor.now());
    }
  }
  for (const BackupGroup& group : manifest.groups) {
    for (const BackupPosition& one : group.positions) {
      const auto topic = std::ranges::find(manifest.topics, one.topic, &BackupTopic::name);
      const bool is_known = topic != manifest.topics.end() && static_cast<size_t>(one.partition) < topic->partitions.size();
      if (!is_known) report.findings.push_back(fmt::format("group {} has a position in {}-{}, which is not in the backup", group.name, one.topic, one.partition));
    }
  }
  co_return report;
}

}  // namespace weir::cli
