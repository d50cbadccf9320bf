// The name of a partition, and the name of its directory.
//
// Format   "<topic>-<partition>", and with a suffix while it is going away: ".<32 hex>-delete", "-stray", "-future".
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/ids.h"
#include "weir/base/uuid.h"

namespace weir::storage {

struct TopicPartition {
  std::string topic;
  PartitionIndex partition;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

enum class DirectoryKind : uint8_t { kLog, kDelete, kStray, kFuture };

struct DirectoryName {
  DirectoryKind kind = DirectoryKind::kLog;
  TopicPartition partition;
};

// "orders-3"
std::string directory_name(std::string_view topic, PartitionIndex partition);
// "orders-3.6ccd94b1e0b84c2f8ae6ea8c0c9ac63c-delete", shortened so that it fits a file name of 255 bytes, as Kafka does.
std::string directory_name(std::string_view topic, PartitionIndex partition, Uuid unique, DirectoryKind kind);
// nullopt for a name that is none of these.
std::optional<DirectoryName> parse_directory_name(std::string_view name);

}  // namespace weir::storage
