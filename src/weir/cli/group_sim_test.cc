// Members of a consumer group against a whole node, in the simulator. It lies here because this is the floor that may see both.
#include <algorithm>

#include <gtest/gtest.h>

#include "weir/client/group_consumer.h"
#include "weir/client/producer.h"
#include "weir/node/node_run_test.h"

namespace weir {
namespace {

using client::PartitionKey;
using runtime::Environment;
using runtime::SimNode;
using runtime::SimWorld;
using runtime::Task;

constexpr int32_t kGroupPartitions = 7;
constexpr int kGroupRecords = 1200;

// What happened, seen from outside of the simulated world.
struct Ledger {
  bool produced = false;
  std::map<std::pair<int32_t, int64_t>, int> read;  // times, by partition and offset
  size_t handed_out = 0;
  std::map<PartitionKey, std::string> owners;
  std::vector<std::string> wrong;
  uint64_t rebalances = 0;
  bool may_overlap = false;  // members may be cut off, and learn late that others took over

  void own(const PartitionKey& key, const std::string& who) {
    const auto [owner, is_new] = owners.try_emplace(key, who);
    if (!is_new && !may_overlap) wrong.push_back(fmt::format("{} was given {}-{}, which {} still has", who, key.topic, key.index, owner->second));
    owner->second = who;
  }
  void disown(const PartitionKey& key, const std::string& who) {
    const auto owner = owners.find(key);
    if (owner != owners.end() && owner->second == who) owners.erase(owner);
  }
  void disown_all(const std::string& who) {
    std::erase_if(owners, [&](const auto& one) { return one.second == who; });
  }
};

struct Keeper final : client::RebalanceListener {
  Keeper(Ledger* ledger, std::string who) : ledger(ledger), who(std::move(who)) {}
  Task<void> assigned(std::vector<client::Assigned> partitions) override {
    for (const client::Assigned& one : partitions) ledger->own(one.partition, who);
    ++ledger->rebalances;
    co_return;
  }
  Task<void> revoked(std::vector<PartitionKey> partitions) override {
    for (const PartitionKey& key : partitions) ledger->disown(key, who);
    co_return;
  }
  Task<void> lost(std::vector<PartitionKey> partitions) override {
    for (const PartitionKey& key : partitions) ledger->disown(key, who);
    co_return;
  }
  Ledger* ledger;
  std::string who;
};

Task<Result<void>> produce_slowly(Environment env, Ledger* ledger) {
  client::Cluster cluster(env, {.bootstrap = {{"broker", 9092}}, .request_timeout = 5s});
  client::Admin admin(cluster);
  const client::Patience patience{Deadline::at(env.executor.now() + 60min), {}};
  const auto made = co_await admin.create_topic({.name = "t", .partitions = kGroupPartitions, .replication_factor = 1}, false, patience);
  if (!made && made.error().code() != ErrorCode::kTopicAlreadyExists) co_return fail(made.error());
  client::Producer producer(cluster, {.delivery_timeout = 30min});
  for (int i = 0; i < kGroupRecords; ++i) {
    const std::string value = std::to_string(i);
    client::OutRecord record{.topic = "t", .partition = PartitionIndex(i % kGroupPartitions), .value = as_bytes(value)};
    WEIR_CO_CHECK(co_await producer.send(record, patience));
    (void)co_await sleep_until(env.executor, env.executor.now() + 100ms);
  }
  WEIR_CO_CHECK(co_await producer.flush(patience));
  if (producer.records_stored() != kGroupRecords) ledger->wrong.push_back("a record was not stored");
  co_await producer.close();
  co_await cluster.shut_down();
  ledger->produced = true;
  co_return Result<void>();
}

Task<void> run_producer(Environment env, Ledger* ledger) {
  const Result<void> done = co_await produce_slowly(env, ledger);
  if (!done) ledger->wrong.push_back(done.error().describe());
}

struct MemberPlan {
  std::string name;
  std::vector<std::string> assignors;
  Duration stays;  // then it leaves
  bool works_slowly = false;
};

Task<void> run_member(Environment env, Ledger* ledger, MemberPlan plan) {
  client::Cluster cluster(env, {.bootstrap = {{"broker", 9092}}, .request_timeout = 5s});
  Keeper keeper(ledger, plan.name);
  client::GroupOptions options;
  options.group = "g";
  options.topics = {"t"};
  options.assignors = plan.assignors;
  options.session_timeout = 10s;
  options.reset = client::Start::Kind::kBeginning;
  options.commit_interval = 2s;
  options.max_poll_interval = 30s;
  client::GroupConsumer consumer(cluster, options, &keeper);
  const MonoTime until = env.executor.now() + plan.stays;
  while (env.executor.now() < until) {
    const auto batch = co_await consumer.poll({Deadline::at(std::min(until, env.executor.now() + 1s)), {}});
    if (!batch) {
      ledger->wrong.push_back(plan.name + ": " + batch.error().describe());
      break;
    }
    if (!*batch) continue;
    for (const record::Record& record : (*batch)->records) {
      ++ledger->read[{(*batch)->partition.value(), record.offset.value()}];
      ++ledger->handed_out;
    }
    if (plan.works_slowly) (void)co_await sleep_until(env.executor, env.executor.now() + Duration(env.random.word() % 3'000) * 1'000'000);
  }
  const Result<void> left = co_await consumer.close({Deadline::at(env.executor.now() + 60s), {}});
  if (!left) ledger->wrong.push_back(plan.name + " could not leave: " + left.error().describe());
  if (!consumer.owned().empty()) ledger->wrong.push_back(plan.name + " kept partitions");
  co_await cluster.shut_down();
}

struct LateWord {
  std::optional<Error> refused;
  bool tried = false;
};

// Reads a little, works for so long that it is out of the group, and then says how far it came.
Task<void> commit_too_late(Environment env, LateWord* word) {
  client::Cluster cluster(env, {.bootstrap = {{"broker", 9092}}, .request_timeout = 5s});
  client::GroupOptions options;
  options.group = "late";
  options.topics = {"t"};
  options.session_timeout = 10s;
  options.max_poll_interval = 10s;
  options.commits_by_itself = false;
  options.reset = client::Start::Kind::kBeginning;
  client::GroupConsumer consumer(cluster, options);
  const auto batch = co_await consumer.poll({Deadline::at(env.executor.now() + 60s), {}});
  if (batch && *batch) {
    const PartitionKey key{(*batch)->topic, (*batch)->partition};
    (void)co_await sleep_until(env.executor, env.executor.now() + 30s);
    const Result<void> stored = co_await consumer.commit({{key, {.offset = Offset(1)}}}, {Deadline::at(env.executor.now() + 20s), {}});
    if (!stored) word->refused = stored.error();
    word->tried = true;
  }
  (void)co_await consumer.close({Deadline::at(env.executor.now() + 60s), {}});
  co_await cluster.shut_down();
}

struct GroupWorld {
  explicit GroupWorld(uint64_t seed) : world(seed, quiet()), chance(seed), broker(world.add_node("broker")) {
    for (int i = 0; i < 5; ++i) machines.push_back(&world.add_node("client" + std::to_string(i)));
    const std::vector<std::vector<std::string>> choices{{"cooperative-sticky"}, {"range"}, {"roundrobin"}, {"range", "cooperative-sticky"}};
    assignors = choices[seed % choices.size()];
  }
  static runtime::SimOptions quiet() {
    runtime::SimOptions options;
    options.log_level = LogLevel::kError;
    return options;
  }
  bool start() {
    if (!node::start_node(world, broker, node::simulated_node(), broker_run)) return false;
    machines[0]->spawn(&run_producer, machines[0]->environment(), &ledger);
    world.run_for(2s);
    return true;
  }
  void add_member(size_t machine, Duration stays) {
    MemberPlan plan{fmt::format("m{}", ++members), assignors, stays, chance.chance(30)};
    on_machine[machine] = plan.name;
    machines[machine]->spawn(&run_member, machines[machine]->environment(), &ledger, plan);
  }
  // Reads what is left.
  void finish() {
    ASSERT_TRUE(world.run_until_true([&] { return ledger.produced; }, 30min));
    machines[1]->spawn(&run_member, machines[1]->environment(), &ledger, MemberPlan{"last", assignors, 90s, false});
    world.run_for(3min);
    for (const std::string& one : ledger.wrong) ADD_FAILURE() << one;
    EXPECT_FALSE(broker_run.ended) << broker_run.why();
    size_t missing = 0;
    for (int i = 0; i < kGroupRecords; ++i) missing += ledger.read.contains({i % kGroupPartitions, i / kGroupPartitions}) ? 0 : 1;
    EXPECT_EQ(missing, 0u) << "records that no member read";
    EXPECT_TRUE(ledger.owners.empty());
  }

  Ledger ledger;
  node::NodeRun broker_run;
  SimWorld world;
  Prng chance;
  SimNode& broker;
  std::vector<SimNode*> machines;
  std::vector<std::string> assignors;
  std::map<size_t, std::string> on_machine;
  int members = 0;
};

// Property: while members come and go in peace, no partition ever has two owners and every record is handed out exactly once.
// Fails when a partition goes to another before its reader has let go and committed, with any assignor.
TEST(GroupSim, exactly_once_while_members_come_and_go) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    GroupWorld group(seed);
    ASSERT_TRUE(group.start());
    for (int i = 0; i < 10; ++i) {
      group.add_member(1 + group.chance.below(4), Duration(group.chance.between(3, 60)) * 1'000'000'000);
      group.world.run_for(Duration(group.chance.between(10, 15'000)) * 1'000'000);
    }
    group.finish();
    EXPECT_EQ(group.ledger.handed_out, static_cast<size_t>(kGroupRecords));
    EXPECT_GT(group.ledger.rebalances, 10u);
    if (HasFailure()) return;
  }
}

// Property: over broken connections and machines that lose power, every record is still handed out at least once, and who
// leaves in order is out of the group. Fails when a position is committed before its record was handed out.
TEST(GroupSim, at_least_once_through_crashes) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    GroupWorld group(seed);
    group.ledger.may_overlap = true;
    ASSERT_TRUE(group.start());
    for (int i = 0; i < 14; ++i) {
      const size_t machine = 1 + group.chance.below(4);
      if (group.chance.chance(40) && group.on_machine.contains(machine)) {
        group.world.crash(*group.machines[machine]);
        group.world.restart(*group.machines[machine]);
        group.ledger.owners.clear();
      }
      group.add_member(machine, Duration(group.chance.between(3, 60)) * 1'000'000'000);
      group.world.run_for(Duration(group.chance.between(10, 12'000)) * 1'000'000);
      if (group.chance.chance(60)) group.world.network().break_connections(group.chance.below(3));
    }
    group.finish();
    if (HasFailure()) return;
  }
}

// Property: a member that is out of the group stores nothing, even when the group has no members left and would take positions
// from anybody. Fails when the client sends them as a commit from outside.
TEST(GroupSim, who_is_out_of_the_group_commits_nothing) {
  GroupWorld group(1);
  ASSERT_TRUE(group.start());
  LateWord word;
  group.machines[1]->spawn(&commit_too_late, group.machines[1]->environment(), &word);
  ASSERT_TRUE(group.world.run_until_true([&] { return word.tried; }, 5min));
  ASSERT_TRUE(word.refused.has_value());
  EXPECT_EQ(word.refused->code(), ErrorCode::kIllegalGeneration) << word.refused->describe();
}

}  // namespace
}  // namespace weir
