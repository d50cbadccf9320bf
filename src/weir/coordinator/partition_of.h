// Which partition of an internal topic an id belongs to: Kafka's choice, so that a directory can change hands.
//
// Java's String.hashCode over UTF-16 units, made positive (the smallest int becomes 0), modulo the partition count.
#pragma once

#include <cstdint>
#include <string_view>

#include "weir/base/ids.h"

namespace weir::coordinator {

int32_t java_hash(std::string_view utf8);
PartitionIndex partition_of(std::string_view id, int32_t partition_count);

}  // namespace weir::coordinator
