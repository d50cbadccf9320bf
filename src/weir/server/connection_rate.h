// How fast new connections are taken: max.connection.creation.rate a second in the long run. What was not used in the last ten
// seconds may come at once, and nobody waits longer than a second for his turn: both as on Kafka, so that a rate of 0, or a
// storm, slows an administrator down but does not lock him out.
//
// Owner    BrokerServer, one for all listeners. Shard    the broker shard.
#pragma once

#include <algorithm>
#include <cstdint>

#include "weir/base/assert.h"
#include "weir/base/time.h"

namespace weir::server {

class ConnectionRate {
 public:
  static constexpr Duration kSaved = 10s;
  static constexpr Duration kWaitMax = 1s;

  // When a connection that came now is to be served, which takes its turn: at once, or at most kWaitMax from now.
  MonoTime admit(MonoTime now, int64_t per_second) {
    WEIR_ASSERT(per_second >= 0, per_second);
    const Duration share = per_second == 0 ? kWaitMax : Duration(1s) / per_second;
    used_up_to_ = std::max(used_up_to_, now + (per_second == 0 ? 0s : -kSaved));
    used_up_to_ = std::min(used_up_to_ + share, now + kWaitMax);
    return std::max(used_up_to_, now);
  }

 private:
  MonoTime used_up_to_{INT64_MIN};   // the turns up to here are taken
};

}  // namespace weir::server
