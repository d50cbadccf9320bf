// meta.properties: which cluster, node and directory a log directory belongs to.
//
// Owner    LogManager; `weir serve` on an empty directory and `weir format` write it.
// Format   docs/formats/log-directory.md. Java properties; version 1 is read and written, version 0 (broker.id) is read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/uuid.h"
#include "weir/runtime/disk.h"

namespace weir::storage {

inline constexpr std::string_view kMetaPropertiesFile = "meta.properties";
inline constexpr std::string_view kLockFile = ".lock";  // beside it: held by the process that serves the directory

struct MetaProperties {
  int version = 1;
  std::string cluster_id;      // free text; Kafka's tools make it from a UUID
  BrokerId node_id{-1};        // -1 when the file does not say
  Uuid directory_id;           // zero when the file does not say (before KIP-858)
};

// The subset of Java properties that Kafka's writer makes, with the escapes of java.util.Properties. Later keys win.
// Errors: kMalformedFile (a broken \u escape), with the line.
Result<std::map<std::string, std::string>> parse_properties(std::string_view text);

// Errors: kMalformedFile, with `path` and what is wrong.
Result<MetaProperties> parse_meta_properties(std::string_view text, std::string_view path);
std::string format_meta_properties(const MetaProperties& properties);

// nullopt when `dir` has no meta.properties. Errors: kMalformedFile, kDiskError, kPermissionDenied.
runtime::Task<Result<std::optional<MetaProperties>>> read_meta_properties(runtime::Disk& disk, std::string dir);
runtime::Task<Result<void>> write_meta_properties(runtime::Disk& disk, std::string dir, MetaProperties properties);

}  // namespace weir::storage
