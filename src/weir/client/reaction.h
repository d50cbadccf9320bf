// What an error calls for: whether to ask again, and whom.
#pragma once

#include <cstdint>

#include "weir/base/error.h"

namespace weir::client {

// The way to a broker broke, or it did not answer in time: another broker, or another time, may be better.
bool is_transport_failure(ErrorCode code);

// Of an answer about topics and partitions.
enum class Reaction : uint8_t {
  kRefresh,  // metadata is stale: ask again, then send again
  kBackOff,  // wait and send again
  kFail,
};
Reaction reaction_to(ErrorCode code);

// Of an answer about a group: its coordinator must be looked for again, or is not ready, or the way to it broke.
bool is_coordinator_trouble(ErrorCode code);

}  // namespace weir::client
