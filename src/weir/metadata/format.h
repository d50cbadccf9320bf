// Makes a data directory ready for its first start, and looks at one before a start.
// Leaves what Kafka's storage tool leaves with --standalone: meta.properties and bootstrap.checkpoint.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/uuid.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/task.h"

namespace weir::metadata {

inline constexpr int16_t kMetadataVersion = 30;      // of a fresh cluster: 4.3-IV0
inline constexpr int16_t kMetadataVersionMin = 7;    // 3.3-IV3
inline constexpr int16_t kKraftVersion = 1;

struct MetaProperties {
  std::string cluster_id;
  BrokerId node_id;
  Uuid directory_id;
};

struct FormatOptions {
  std::string cluster_id;                            // empty: a new random one
  BrokerId node_id{1};
};

// Reads meta.properties of `dir`; nothing when the directory was never formatted. Errors: kMalformedFile, kDiskError.
runtime::Task<Result<std::optional<MetaProperties>>> read_meta_properties(runtime::Environment& environment, std::string dir);

// Formats every directory of `dirs` (the first is the metadata log directory) with one cluster id and a directory id each.
// Directories formatted already by the same cluster and node are left as they are.
// Errors: kInconsistentClusterId, kInvalidArgument (another node's directory), kDiskError.
runtime::Task<Result<std::vector<MetaProperties>>> format(runtime::Environment& environment, std::vector<std::string> dirs,
                                                          FormatOptions options);

}  // namespace weir::metadata
