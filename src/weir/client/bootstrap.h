// Where a client first asks for its cluster: the list of brokers as people write it.
#pragma once

#include <string_view>
#include <vector>

#include "weir/base/error.h"
#include "weir/runtime/network.h"

namespace weir::client {

// "a:9092,b:9092"; the port may be left out (9092). Errors: kInvalidArgument, a sentence.
Result<std::vector<runtime::Endpoint>> parse_bootstrap(std::string_view text);

}  // namespace weir::client
