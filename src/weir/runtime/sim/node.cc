#include "weir/runtime/sim/node.h"

#include <cstring>

namespace weir::runtime {

namespace {
constexpr int64_t kNanosPerMs = 1'000'000;
}  // namespace

SimClock::SimClock(SimCore& core, const SimExecutor& executor, std::string_view name)
    : executor_(executor), start_ns_(executor.now().ns), offset_ns_(core.options.wall_start_ms * kNanosPerMs) {
  const int64_t most = core.options.wall_offset_max_ms;
  Prng offsets = core.stream(name, "wall offset");
  offset_ns_ += offsets.between(-most, most) * kNanosPerMs;
}

TimestampMs SimClock::wall_ms() const { return (offset_ns_ + executor_.now().ns - start_ns_) / kNanosPerMs; }

void SimRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    const uint64_t word = stream_.next();
    const size_t count = std::min(out.size(), sizeof word);
    std::memcpy(out.data(), &word, count);
    out = out.subspan(count);
  }
}

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

void SimLogSink::write(LogLevel level, std::string_view module, std::string_view line) {
  constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
  if (level == LogLevel::kDebug) {  // not part of the fingerprint: a trace asks for these lines and must not change the run
    if (core_.sink != nullptr)
      core_.sink->line(core_.now, core_.node_names[static_cast<size_t>(node_)], fmt::format("debug {}: {}", module, line));
    return;
  }
  core_.log_line(node_, fmt::format("{} {}: {}", kLevels[static_cast<size_t>(level)], module, line));
}

SimNode::SimNode(SimCore& core, SimSwitch& net, int32_t id, std::string name)
    : name_(std::move(name)),
      id_(id),
      executor_(core, id, name_),
      clock_(core, executor_, name_),
      random_(core.stream(name_, "random")),
      network_(net, executor_),
      disk_(core, executor_, name_),
      offload_(core, id, name_),
      log_sink_(core, id),
      environment_{executor_, clock_, random_, network_, disk_, offload_, Logger(log_sink_, "sim", core.options.log_level)},
      tasks_(std::make_unique<TaskGroup>(executor_)) {
  net.add_host(name_, executor_);
}

SimNode::~SimNode() { die(); }

void SimNode::die() {
  executor_.turn_off();
  offload_.forget_all();
  tasks_.reset();
}

void SimNode::live() {
  WEIR_ASSERT(!is_up());
  ++incarnation_;
  executor_.turn_on();
  tasks_ = std::make_unique<TaskGroup>(executor_);
}

}  // namespace weir::runtime
