// Kafka's checkpoint files of a log directory: one offset per partition, as text.
//
// Owner    LogManager.
// Format   docs/formats/log-directory.md: "0" LF, entry count LF, then "topic partition offset" LF each.
// Holds    entries are sorted by topic and partition in what we write; any order is read
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/runtime/disk.h"
#include "weir/storage/topic_partition.h"

namespace weir::storage {

inline constexpr std::string_view kRecoveryPointFile = "recovery-point-offset-checkpoint";
inline constexpr std::string_view kReplicationFile = "replication-offset-checkpoint";
inline constexpr std::string_view kLogStartFile = "log-start-offset-checkpoint";
inline constexpr std::string_view kCleanerFile = "cleaner-offset-checkpoint";

using Checkpoint = std::map<TopicPartition, Offset>;

// Errors: kMalformedFile with the line (wrong version, count that does not match, a line that is not three fields).
Result<Checkpoint> parse_checkpoint(std::string_view text);
std::string format_checkpoint(const Checkpoint& checkpoint);

// A missing file is an empty checkpoint.
runtime::Task<Result<Checkpoint>> read_checkpoint(runtime::Disk& disk, std::string path);
// Old or new content after any crash.
runtime::Task<Result<void>> write_checkpoint(runtime::Disk& disk, std::string path, Checkpoint checkpoint);

}  // namespace weir::storage
