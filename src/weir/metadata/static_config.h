// The options this node was started with: configuration file, --override and environment, by Kafka's names, as text.
// Values were parsed once by config_table's parse_value before they got here.
#pragma once

#include <map>
#include <string>

namespace weir::metadata {

using StaticConfig = std::map<std::string, std::string, std::less<>>;

}  // namespace weir::metadata
