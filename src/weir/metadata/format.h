// Makes log directories ready for their first start, as Kafka's storage tool does with --standalone: meta.properties and
// bootstrap.checkpoint. (The tool's third file, a snapshot at offset 0 that names the voter, is not needed: a quorum of one
// writes its voter set into the first batch of its log.)
//
// Format   docs/formats/metadata-log.md, docs/formats/log-directory.md
#pragma once

#include <string>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/task.h"
#include "weir/storage/meta_properties.h"

namespace weir::metadata {

struct FormatOptions {
  std::string cluster_id;  // empty: a new random one
  BrokerId node_id{1};
};

// Formats every directory of `dirs` (the first is the metadata log directory) with one cluster id and a directory id each,
// creating those that are missing. Directories formatted already for the same cluster and node are left as they are, and
// give the others their cluster id. Returns the properties of each, in order.
// Errors: kInconsistentClusterId, kInvalidConfig (another node's directory), kMalformedFile, kDiskError.
runtime::Task<Result<std::vector<storage::MetaProperties>>> format(runtime::Environment& environment,
                                                                   std::vector<std::string> dirs, FormatOptions options);

}  // namespace weir::metadata
