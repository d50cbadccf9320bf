// A partition by name.
#pragma once

#include <compare>
#include <set>
#include <string>

#include "weir/base/ids.h"

namespace weir::client {

struct PartitionKey {
  std::string topic;
  PartitionIndex index;
  friend auto operator<=>(const PartitionKey&, const PartitionKey&) = default;
};
using PartitionSet = std::set<PartitionKey>;

}  // namespace weir::client
