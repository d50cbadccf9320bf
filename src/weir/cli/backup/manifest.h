// backup.json: what a backup holds. The file is written last, so that a directory that has one is whole.
//
// Format   docs/formats/backup.md
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"

namespace weir::cli {

inline constexpr std::string_view kManifestName = "backup.json";
inline constexpr std::string_view kUnfinishedName = "unfinished";

struct BackupPartition {
  int32_t index = 0;
  std::string file;      // relative to the backup; empty when there is no record
  int64_t start = 0;     // the log's start when it was read
  int64_t end = 0;       // records below it are in the backup
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint32_t crc = 0;      // CRC-32C of the file
};

struct BackupTopic {
  std::string name;
  int16_t replication_factor = 1;
  std::vector<std::pair<std::string, std::string>> configs;
  std::vector<BackupPartition> partitions;
};

struct BackupPosition {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;
  std::string metadata;
};

struct BackupGroup {
  std::string name;
  std::vector<BackupPosition> positions;
};

struct Manifest {
  std::string cluster;
  std::string made;  // when, ISO 8601
  std::vector<BackupTopic> topics;
  std::vector<BackupGroup> groups;

  uint64_t bytes() const;
  uint64_t records() const;
};

std::string manifest_text(const Manifest& manifest);
// Errors: kInvalidArgument, a sentence.
Result<Manifest> parse_manifest(std::string_view text);

// "topics/clicks/3/00000000000000000120.log": a segment, for `weir log dump` and Kafka's own tool.
std::string backup_file_name(const std::string& topic, int32_t partition, int64_t start);

}  // namespace weir::cli
