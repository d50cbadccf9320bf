// The Network seam of one simulated node. Names: its own nodes' names; "localhost" and loopback addresses mean the node itself.
#pragma once

#include "weir/runtime/sim/switch.h"

namespace weir::runtime {

class SimNetwork final : public Network {
 public:
  SimNetwork(SimSwitch& net, SimExecutor& executor) : net_(net), executor_(executor) {}

  Task<Result<std::unique_ptr<Listener>>> listen(Endpoint at) override;
  Task<Result<Endpoint>> probe(Endpoint at) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint to, Deadline deadline) override;

 private:
  SimSwitch& net_;
  SimExecutor& executor_;
};

}  // namespace weir::runtime
