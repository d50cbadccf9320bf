// Everything a node may ask of the world, in one place. Each node of a simulation has its own; a process has one per shard.
#pragma once

#include "weir/base/log.h"
#include "weir/runtime/clock.h"
#include "weir/runtime/disk.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/network.h"
#include "weir/runtime/offload.h"
#include "weir/runtime/random.h"

namespace weir::runtime {

struct Environment {
  Executor& executor;
  Clock& clock;
  Random& random;
  Network& network;
  Disk& disk;
  Offload& offload;
  Logger log;
};

}  // namespace weir::runtime
