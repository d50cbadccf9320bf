#include "weir/runtime/sim/offload.h"

#include <memory>

namespace weir::runtime {

struct SimOffload::Pending final : ListHook, Occurrence {
  Pending(SimOffload& owner, Executor& executor, OffloadJob& job) : owner(owner), executor(executor), job(job) {}
  void happen() override {
    const std::unique_ptr<Pending> self(this);
    owner.core_.note(SimEvent::kOffload, owner.node_);
    if (!done) job.run();
    executor.schedule(job.awaiting);
  }
  SimOffload& owner;
  Executor& executor;
  OffloadJob& job;
  bool done = false;
};

SimOffload::SimOffload(SimCore& core, int32_t node, std::string_view name)
    : core_(core), node_(node), delays_(core.stream(name, "offload")) {}

SimOffload::~SimOffload() { forget_all(); }

void SimOffload::submit(Executor& executor, OffloadJob& job) {
  auto pending = std::make_unique<Pending>(*this, executor, job);
  pending->done = delays_.chance(50);
  if (pending->done) job.run();
  core_.plan_in(*pending, sample_delay(delays_, core_.options.offload_min, core_.options.offload_mean));
  pending_.push_back(*pending.release());  // freed when it happens or is forgotten
}

void SimOffload::forget_all() {
  while (!pending_.empty()) delete &pending_.front();
}

}  // namespace weir::runtime
