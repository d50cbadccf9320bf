// Shell completion: the scripts, and the names that only a cluster knows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/error.h"

namespace weir::cli {

// What `weir completion SHELL` prints; empty for a shell that is not known.
std::string_view completion_script(std::string_view shell);
int completion(const std::string& shell);

enum class ClusterNames : uint8_t { kTopics, kBrokers, kGroups, kTopicOptions, kBrokerOptions };
// Asks the cluster, and gives up after half a second: nobody waits longer for a TAB. Empty when it does not answer.
std::vector<std::string> names_of_cluster(const std::string& bootstrap, ClusterNames kind, const std::string& resource);

}  // namespace weir::cli
