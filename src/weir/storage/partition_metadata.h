// partition.metadata: the topic id of the log in this directory.
//
// Owner    LogManager.
// Format   docs/formats/log-directory.md: "version: 0" LF "topic_id: <base64url>".
#pragma once

#include <string>
#include <string_view>

#include "weir/base/error.h"
#include "weir/base/uuid.h"
#include "weir/runtime/disk.h"

namespace weir::storage {

inline constexpr std::string_view kPartitionMetadataFile = "partition.metadata";

// Errors: kMalformedFile.
Result<Uuid> parse_partition_metadata(std::string_view text);
std::string format_partition_metadata(Uuid topic_id);

// `log_dir` is the partition's own directory. A missing file is the zero id.
runtime::Task<Result<Uuid>> read_partition_metadata(runtime::Disk& disk, std::string log_dir);
runtime::Task<Result<void>> write_partition_metadata(runtime::Disk& disk, std::string log_dir, Uuid topic_id);

}  // namespace weir::storage
