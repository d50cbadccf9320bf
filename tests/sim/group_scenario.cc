// Scenario "groups": one node of Weir, producers, and ten members of a consumer group that come, leave, crash, fall silent and
// come back, some of them static, while the broker crashes, is stopped, cut off and paused, and its disk fails.
#include "group_scenario.h"

#include <algorithm>

#include "broker_node.h"
#include "group_member.h"
#include "weir/runtime/sim/core.h"
#include "workload.h"

namespace weir::sim {

using runtime::SimNode;
using runtime::SimWorld;

namespace {

constexpr size_t kPartitions = 6;
constexpr size_t kMembers = 10;
constexpr size_t kStaticMembers = 4;
constexpr Duration kProduceMean = 120ms;
constexpr Duration kStormTime = 45s;
constexpr Duration kCalmMax = 180s;
constexpr Duration kMemberAccidentMean = 12s;
constexpr Duration kMemberDownMax = 5s;

class GroupRun {
 public:
  explicit GroupRun(const RunRequest& request)
      : history_(kPartitions), world_(request.seed, draw_options(request.seed, request.sink != nullptr)) {
    world_.trace_to(request.sink);
    Prng draw = world_.stream("group", "shape");
    group_.name = "shoppers";
    group_.topic = &topic_;
    group_.history = &history_;
    group_.session_timeout_ms = draw.chance(50) ? 1'500 : 6'000;
    group_.rebalance_timeout_ms = draw.chance(50) ? 2'000 : 5'000;
    by_client_ = draw.chance(50);
    const std::vector<std::string> choices[] = {{"range"}, {"roundrobin"}, {"cooperative-sticky"}, {"range", "cooperative-sticky"}};
    group_.assignors = choices[draw.below(std::size(choices))];
    group_.reached = [this](const char* point) { world_.reached(point); };
    coordinator::PlantedBugs planted{.answer_before_commit = request.planted == "answer_before_commit",
                                     .stale_commits = request.planted == "stale_commits",
                                     .reload_keeps_first = request.planted == "reload_keeps_first"};
    const std::string delay_ms = std::to_string(draw.below(3) * 1'000);
    // Small pieces: a load takes so long that members meet it.
    const char* load_bytes = draw.chance(50) ? "200" : "5242880";
    broker_ = std::make_unique<BrokerNode>(world_, [planted, delay_ms, load_bytes](node::NodeOptions& options) {
      options.planted_groups = planted;
      options.static_config["group.initial.rebalance.delay.ms"] = delay_ms;
      options.static_config["group.min.session.timeout.ms"] = "1000";
      options.static_config["offsets.topic.num.partitions"] = "2";
      options.static_config["offsets.load.buffer.size"] = load_bytes;
    });
    topic_.name = "shop";
    topic_.broker = broker_->endpoint();
    topic_.on_storage_error = [this] { broker_->disk_failed(); };
    for (size_t i = 0; i < kPartitions; ++i) topic_.partitions.push_back(std::make_unique<LogHistory>(fmt::format("shop-{}", i)));
  }

  RunReport run() {
    start_clients();
    broker_->start(clients_);
    run_until([] { return false; }, kStormTime);
    if (!violation()) calm_down();
    if (!violation()) check_what_is_left();
    const Violation* found = violation();
    return report_on(world_, found == nullptr ? std::nullopt : std::optional(*found), history_.commits());
  }

 private:
  struct Member {
    GroupMemberState state;
    SimNode* machine = nullptr;
    Prng accidents{0};
  };

  const Violation* violation() const {
    if (topic_.violation() != nullptr) return topic_.violation();
    return history_.violation() ? &*history_.violation() : nullptr;
  }
  template <typename Condition>
  bool run_until(Condition condition, Duration within) {
    bool met = false;
    world_.run_until_true([&] { return violation() != nullptr || (met = condition()); }, within);
    return met;
  }

  void start_clients() {
    SimNode& admin = world_.add_node("admin");
    clients_.push_back(&admin);
    admin.spawn(&create_topic, admin.environment(), &topic_);
    for (uint32_t i = 0; i < kPartitions; ++i) {
      SimNode& machine = world_.add_node(fmt::format("producer-{}", i));
      clients_.push_back(&machine);
      writers_.push_back(std::make_unique<Writer>());
      Writer& writer = *writers_.back();
      writer.id = i + 1;
      writer.partition = PartitionIndex(static_cast<int32_t>(i));
      writer.in_flight_max = 2;
      writer.think_mean = kProduceMean;
      machine.spawn(&write_to_broker, machine.environment(), &topic_, &writer);
    }
    for (size_t i = 0; i < kMembers; ++i) {
      members_.push_back(std::make_unique<Member>());
      Member& member = *members_.back();
      member.machine = &world_.add_node(fmt::format("member-{}", i));
      clients_.push_back(member.machine);
      member.state.client_id = member.machine->name();
      if (i < kStaticMembers) member.state.instance_id = fmt::format("static-{}", i);
      member.accidents = world_.stream(member.machine->name(), "accidents");
      start(member);
      arm(member);
    }
  }
  void start(Member& member) {
    member.machine->spawn(by_client_ ? &take_part_by_client : &take_part, member.machine->environment(), &group_, &member.state);
  }

  void arm(Member& member) {
    world_.at(runtime::sample_delay(member.accidents, 0ns, kMemberAccidentMean), [this, &member] {
      if (calm_) return;
      befall(member);
      arm(member);
    });
  }
  void befall(Member& member) {
    if (!member.machine->is_up()) return;
    switch (member.accidents.below(3)) {
      case 0: member.state.wants_to_leave = true; break;
      case 1: {
        world_.reached("group: a member's machine crashed");
        world_.crash(*member.machine);
        world_.at(Duration(member.accidents.between(0, kMemberDownMax.count())), [this, &member] { come_up(member); });
        break;
      }
      case 2: {
        const int64_t silence_ms = member.accidents.between(0, group_.session_timeout_ms * 2);
        if (silence_ms > group_.session_timeout_ms) world_.reached("group: a member was silent beyond its session");
        world_.pause(*member.machine, std::chrono::milliseconds(silence_ms));
        break;
      }
    }
  }
  void come_up(Member& member) {
    if (member.machine->is_up()) return;
    world_.restart(*member.machine);
    member.state.wants_to_leave = false;
    start(member);
  }

  void calm_down() {
    const uint64_t before = acknowledged();
    calm_ = true;
    broker_->calm();
    for (const auto& member : members_) come_up(*member);
    if (!run_until([&] { return acknowledged() > before; }, kCalmMax)) {
      return stuck("nothing is acknowledged in the three minutes after the last accident");
    }
    for (const auto& writer : writers_) writer->stop = true;
    if (!run_until([&] { return std::ranges::all_of(writers_, [](const auto& writer) { return writer->stopped; }); }, kCalmMax)) {
      return stuck("a producer still waits for an answer three minutes after the last accident");
    }
    SimNode& machine = world_.add_node("reader");
    std::vector<LogContent> there;
    for (size_t i = 0; i < kPartitions; ++i) {
      auto read = world_.try_run(machine, read_partition(machine.environment(), &topic_, PartitionIndex(static_cast<int32_t>(i))), kCalmMax);
      if (!read) return stuck("the log cannot be read in the three minutes after the last accident");
      if (!*read) return topic_.violate("final-read", read->error().describe());
      topic_.partitions[i]->final_read((*read)->start, (*read)->records);
      there.push_back(std::move(**read));
    }
    const auto is_through = [&] {
      for (size_t i = 0; i < kPartitions; ++i) {
        if (history_.floor(i) < (there[i].records.empty() ? -1 : there[i].records.back().offset + 1)) return false;
      }
      return true;
    };
    if (!run_until(is_through, kCalmMax)) return stuck("the group has not come to the end of the topic in three minutes");
    for (size_t i = 0; i < kPartitions; ++i) {
      std::vector<int64_t> offsets;
      for (const Placed& placed : there[i].records) offsets.push_back(placed.offset);
      history_.read_all(i, offsets);
    }
  }

  // One last power cut, as bad as can be: what was acknowledged of the group's positions must be there.
  void check_what_is_left() {
    broker_->lose_what_is_not_synced();
    SimNode& machine = world_.add_node("auditor");
    const auto left = world_.try_run(machine, committed_positions(machine.environment(), &group_), kCalmMax);
    if (!left) return stuck("the group's positions cannot be read in the three minutes after the last restart");
    if (!*left) return topic_.violate("group-error", left->error().describe());
    for (size_t i = 0; i < kPartitions; ++i) history_.fetched(i, (**left)[i].commit, (**left)[i].offset, history_.mark(i), -1);
    if (history_.late_commits() > 0) world_.reached("group: a commit came true late, over a connection that was given up");
    if (broker_->crashes() > 0 && history_.commits() > 0) world_.reached("group: committed across a crash");
  }

  void stuck(const char* what) {
    if (violation() == nullptr) topic_.violate("liveness", what);
  }
  uint64_t acknowledged() const {
    uint64_t sum = 0;
    for (const auto& writer : writers_) sum += writer->acknowledged;
    return sum;
  }

  Topic topic_;
  GroupHistory history_;
  GroupUnderTest group_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<std::unique_ptr<Member>> members_;
  std::unique_ptr<BrokerNode> broker_;
  SimWorld world_;  // after what its tasks point to
  std::vector<SimNode*> clients_;
  bool by_client_ = false;
  bool calm_ = false;
};

}  // namespace

RunReport run_groups(const RunRequest& request) { return GroupRun(request).run(); }

}  // namespace weir::sim
