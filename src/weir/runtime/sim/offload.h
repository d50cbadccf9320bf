// The Offload seam of a simulated node: runs the work in place, at the beginning or at the end of a drawn delay.
#pragma once

#include <string_view>

#include "weir/base/intrusive_list.h"
#include "weir/runtime/offload.h"
#include "weir/runtime/sim/core.h"

namespace weir::runtime {

class SimOffload final : public Offload {
 public:
  SimOffload(SimCore& core, int32_t node, std::string_view name);
  ~SimOffload() override;
  void submit(Executor& executor, OffloadJob& job) override;
  void forget_all();  // their frames are about to be destroyed

 private:
  struct Pending;
  SimCore& core_;
  int32_t node_;
  Prng delays_;
  IntrusiveList<Pending> pending_;
};

}  // namespace weir::runtime
