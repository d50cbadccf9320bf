// Scenario "broker": one node of Weir, whole, with idempotent producers and a consumer that speak the wire protocol to it,
// while it crashes, loses what it had not synced, is stopped and started, cut off and paused, and its disk fails.
#include "broker_scenario.h"

#include "broker_node.h"
#include "workload.h"

namespace weir::sim {

using runtime::SimNode;
using runtime::SimWorld;

namespace {

constexpr size_t kPartitions = 2;
constexpr uint32_t kProducers = 3;
constexpr Duration kStormTime = 30s;
constexpr Duration kCalmMax = 180s;

class BrokerRun {
 public:
  BrokerRun(const RunRequest& request)
      : world_(request.seed, draw_options(request.seed, request.sink != nullptr)) {
    broker_ = std::make_unique<BrokerNode>(world_, [planted = std::string(request.planted), seed = request.seed](node::NodeOptions& options) {
      options.logs.defaults.planted_ack_before_sync = planted == "ack_before_sync";
      options.logs.planted_forget_start_offsets = planted == "forget_start_offsets";
      // Every other run takes its logs, small as they are, for ones with much to recover.
      if (seed % 2 == 0) options.logs.recover_at_once_bytes = 0;
    });
    world_.trace_to(request.sink);
    topic_.name = "shop";
    topic_.broker = broker_->endpoint();
    topic_.on_storage_error = [this] { broker_->disk_failed(); };
    for (size_t i = 0; i < kPartitions; ++i) topic_.partitions.push_back(std::make_unique<LogHistory>(fmt::format("shop-{}", i)));
  }

  RunReport run() {
    start_clients();
    broker_->start(clients_);
    world_.run_until_true([&] { return topic_.violation() != nullptr; }, kStormTime);
    if (topic_.violation() == nullptr) calm_down();
    if (topic_.violation() == nullptr) check_what_is_left();
    const Violation* violation = topic_.violation();
    return report_on(world_, violation == nullptr ? std::nullopt : std::optional(*violation), acknowledged());
  }

 private:
  void start_clients() {
    SimNode& admin = world_.add_node("admin");
    clients_.push_back(&admin);
    admin.spawn(&create_topic, admin.environment(), &topic_);
    for (uint32_t i = 0; i < kProducers; ++i) {
      SimNode& machine = world_.add_node(fmt::format("producer-{}", i));
      clients_.push_back(&machine);
      writers_.push_back(std::make_unique<Writer>());
      Writer& writer = *writers_.back();
      writer.id = i + 1;
      writer.partition = PartitionIndex(static_cast<int32_t>(i % kPartitions));
      writer.in_flight_max = 1 + machine.environment().random.word() % 5;
      machine.spawn(&write_to_broker, machine.environment(), &topic_, &writer);
    }
    SimNode& machine = world_.add_node("consumer");
    clients_.push_back(&machine);
    reader_.sessions = machine.environment().random.word() % 2 == 0;
    machine.spawn(&read_from_broker, machine.environment(), &topic_, &reader_);
    if (!runtime::sim_stream(world_.seed(), "swarm", "deletion").chance(50)) return;
    SimNode& other = world_.add_node("trimmer");
    clients_.push_back(&other);
    trimmer_.stopped = false;
    trimmer_.reached = [this](const char* point) { world_.reached(point); };
    other.spawn(&delete_from_broker, other.environment(), &topic_, &trimmer_);
  }

  void calm_down() {
    const uint64_t before = acknowledged();
    broker_->calm();
    // First work must go on, then everything asked must be answered.
    world_.run_until_true([&] { return topic_.violation() != nullptr || acknowledged() > before; }, kCalmMax);
    if (topic_.violation() == nullptr && acknowledged() == before) {
      return topic_.violate("liveness", "nothing is acknowledged in the three minutes after the last accident");
    }
    for (const auto& writer : writers_) writer->stop = true;
    trimmer_.stop = true;
    const auto all_stopped = [&] {
      if (!trimmer_.stopped) return false;
      for (const auto& writer : writers_) {
        if (!writer->stopped) return false;
      }
      return true;
    };
    world_.run_until_true([&] { return topic_.violation() != nullptr || all_stopped(); }, kCalmMax);
    if (topic_.violation() == nullptr && !all_stopped()) {
      topic_.violate("liveness", "a client still waits for an answer three minutes after the last accident");
    }
    reader_.stop = true;
    if (reader_.overtaken > 0) world_.reached("broker: a reader's place in the log was deleted");
  }

  // One last power cut, as bad as can be: only what was synced is left, and all that was acknowledged must be there.
  void check_what_is_left() {
    broker_->lose_what_is_not_synced();
    SimNode& machine = world_.add_node("auditor");
    for (size_t i = 0; i < kPartitions && topic_.violation() == nullptr; ++i) {
      const auto left = world_.try_run(
          machine, read_partition(machine.environment(), &topic_, PartitionIndex(static_cast<int32_t>(i))), kCalmMax);
      if (!left) return topic_.violate("liveness", "the log cannot be read in the three minutes after the last restart");
      if (!*left) return topic_.violate("final-read", left->error().describe());
      topic_.partitions[i]->final_read((*left)->start, (*left)->records);
      if (broker_->crashes() > 0 && (*left)->start > 0) world_.reached("broker: deleted across a crash");
    }
    if (broker_->crashes() > 0 && acknowledged() > 0) world_.reached("broker: acknowledged across a crash");
  }

  uint64_t acknowledged() const {
    uint64_t sum = 0;
    for (const auto& writer : writers_) sum += writer->acknowledged;
    return sum;
  }

  Topic topic_;
  Reader reader_;
  Trimmer trimmer_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::unique_ptr<BrokerNode> broker_;
  SimWorld world_;  // after what its tasks point to
  std::vector<SimNode*> clients_;
};

}  // namespace

RunReport run_broker(const RunRequest& request) { return BrokerRun(request).run(); }

}  // namespace weir::sim
