// weir backup and weir restore against a whole node, in the simulator.
#include <gtest/gtest.h>

#include "weir/cli/backup/run.h"
#include "weir/client/consumer.h"
#include "weir/client/producer.h"
#include "weir/node/node_run_test.h"

namespace weir::cli {
namespace {

constexpr int kBackedUpRecords = 2000;
constexpr int kResumesMax = 5000;

struct BackupStory {
  bool is_backed_up = false;
  bool is_over = false;
  int resumed = 0;
  std::vector<int> read;
  std::vector<std::string> wrong;
};

// Records of one topic, whose values are the numbers from `first` to before `end`, in batches of one to five.
Task<Result<void>> produce_numbers(client::Cluster* cluster, int first, int end, client::Patience patience) {
  client::Producer producer(*cluster, {.linger = 1ms, .batch_bytes = 200});
  for (int i = first; i < end; ++i) {
    const std::string value = std::to_string(i);
    WEIR_CO_CHECK(co_await producer.send({.topic = "t", .value = as_bytes(value)}, patience));
    if (i % 5 == 0 || i % 7 == 0) WEIR_CO_CHECK(co_await producer.flush(patience));
  }
  WEIR_CO_CHECK(co_await producer.flush(patience));
  co_await producer.close();
  if (producer.records_stored() != static_cast<size_t>(end - first)) co_return fail(ErrorCode::kInternal, "not every record was stored");
  co_return Result<void>();
}

Task<Result<void>> read_topic(client::Cluster* cluster, BackupStory* story, client::Patience patience) {
  client::Consumer consumer(*cluster, {});
  consumer.assign("t", PartitionIndex(0), {});
  for (;;) {
    // Whatever comes behind the last record that is expected is one too many.
    const bool has_all = story->read.size() >= kBackedUpRecords;
    const Deadline deadline = has_all ? Deadline::at(cluster->environment().executor.now() + 2s) : patience.deadline;
    const auto batch = co_await consumer.poll({deadline, {}});
    if (!batch || !*batch) break;
    for (const record::Record& record : (*batch)->records) story->read.push_back(std::atoi(std::string(as_text(*record.value)).c_str()));
  }
  co_await consumer.close();
  co_return Result<void>();
}

Task<Result<void>> back_up_and_restore(ClientContext* context, BackupStory* story) {
  runtime::Executor& executor = context->env.executor;
  const client::Patience patience{Deadline::at(executor.now() + 10min), {}};
  WEIR_CO_CHECK(co_await context->admin.create_topic({.name = "t", .partitions = 1, .replication_factor = 1}, false, patience));
  WEIR_CO_CHECK(co_await produce_numbers(&context->cluster, 0, kBackedUpRecords, patience));
  BackupArgs args;
  args.dir = "/backup";
  WEIR_CO_CHECK(co_await run_backup(*context, args));
  // What came after the backup is not in it: whoever takes the old topic for a restored one reads it.
  WEIR_CO_CHECK(co_await produce_numbers(&context->cluster, kBackedUpRecords, kBackedUpRecords + 1, patience));
  story->is_backed_up = true;
  args.overwrite = true;
  for (;;) {
    const Result<void> restored = co_await run_restore(*context, args);
    if (restored) break;
    // Nobody else writes there.
    if (restored.error().code() == ErrorCode::kInvalidRequest || ++story->resumed > kResumesMax) co_return restored;
    args.overwrite = false;
    args.resume = true;
    WEIR_CO_CHECK(co_await sleep_until(executor, executor.now() + 2ms));
  }
  co_return co_await read_topic(&context->cluster, story, patience);
}

Task<void> tell_story(runtime::Environment env, BackupStory* story) {
  client::Cluster cluster(env, {.bootstrap = {{"broker", 9092}}, .request_timeout = 5s});
  ClientContext context{env, cluster, client::Admin(cluster), "broker:9092", {}};
  const Result<void> done = co_await back_up_and_restore(&context, story);
  if (!done) story->wrong.push_back(done.error().describe());
  co_await cluster.shut_down();
  story->is_over = true;
}

// Has the broker refuse the larger ones of the batches for a moment, again and again.
Task<void> refuse_now_and_then(runtime::Environment env, BackupStory* story) {
  client::Cluster cluster(env, {.bootstrap = {{"broker", 9092}}, .request_timeout = 5s});
  client::Admin admin(cluster);
  for (bool refuse = true; !story->is_over; refuse = !refuse) {
    client::ConfigChange change{"max.message.bytes", refuse ? std::optional<std::string>("85") : std::nullopt};
    std::vector<client::ConfigChange> changes;
    changes.push_back(std::move(change));
    const client::Patience patience{Deadline::at(env.executor.now() + 5s), {}};
    // There is no such topic while it is made anew.
    (void)co_await admin.alter_configs({client::ResourceType::kTopic, "t"}, std::move(changes), patience);
    (void)co_await sleep_until(env.executor, env.executor.now() + 1ms + Duration(env.random.word() % 20'000'000));
  }
  co_await cluster.shut_down();
}

struct BackupWorld {
  explicit BackupWorld(uint64_t seed) : world(seed, quiet()), broker(world.add_node("broker")), machine(world.add_node("client")) {}
  static runtime::SimOptions quiet() {
    runtime::SimOptions options;
    options.log_level = LogLevel::kError;
    return options;
  }
  // Whether there is a backup, and the restore begins.
  bool begin() {
    if (!node::start_node(world, broker, node::simulated_node(), run)) return false;
    machine.spawn(&tell_story, machine.environment(), &story);
    return world.run_until_true([&] { return story.is_backed_up || story.is_over; }, 10min);
  }
  void end() {
    world.run_until_true([&] { return story.is_over; }, 30min);
    EXPECT_TRUE(story.is_over);
    for (const std::string& what : story.wrong) ADD_FAILURE() << what;
    std::vector<int> expected;
    for (int i = 0; i < kBackedUpRecords; ++i) expected.push_back(i);
    EXPECT_TRUE(story.read == expected) << story.read.size() << " records, resumed " << story.resumed << " times";
  }

  BackupStory story;
  node::NodeRun run;
  runtime::SimWorld world;
  runtime::SimNode& broker;
  runtime::SimNode& machine;
};

// Property: a restore whose connections break again and again brings back every record of the backup, once and in order. Fails
// when a batch that was sent before a connection broke comes in behind the one that was sent in its place, or when a topic whose
// making was not answered is taken for the old one.
TEST(BackupSim, restores_over_broken_connections) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    BackupWorld one(seed);
    ASSERT_TRUE(one.begin()) << one.run.why();
    for (int i = 0; i < 60 && !one.story.is_over; ++i) {
      one.world.run_for(Duration(5ms) + Duration(static_cast<int64_t>(seed * 701) * 1000));
      one.world.network().break_connections(1);
    }
    one.end();
  }
}

// Property: a restore of whose batches some are refused for a moment brings back every record, once and in order. Fails when a
// batch is stored behind one that was refused.
TEST(BackupSim, restores_while_batches_are_refused) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    BackupWorld one(seed);
    ASSERT_TRUE(one.begin()) << one.run.why();
    one.machine.spawn(&refuse_now_and_then, one.machine.environment(), &one.story);
    one.end();
  }
}

}  // namespace
}  // namespace weir::cli
