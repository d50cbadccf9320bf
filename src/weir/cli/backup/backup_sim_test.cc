// weir backup and weir restore against a whole node, in the simulator.
#include <gtest/gtest.h>

#include "weir/cli/backup/run.h"
#include "weir/client/consumer.h"
#include "weir/client/producer.h"
#include "weir/node/node_run_test.h"

namespace weir::cli {
namespace {

constexpr int kBackedUpRecords = 2000;
constexpr int kResumesMax = 20;

struct BackupStory {
  bool is_backed_up = false;
  bool is_over = false;
  int resumed = 0;
  std::vector<int> read;
  std::vector<std::string> wrong;
};

// Records of one topic, whose values are the numbers from `first` to before `end`.
Task<Result<void>> produce_numbers(client::Cluster* cluster, int first, int end, client::Patience patience) {
  client::Producer producer(*cluster, {.linger = 1ms, .batch_bytes = 200});
  for (int i = first; i < end; ++i) {
    const std::string value = std::to_string(i);
    WEIR_CO_CHECK(co_await producer.send({.topic = "t", .value = as_bytes(value)}, patience));
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

Task<Result<void>> back_up_and_restore(runtime::Environment* env, BackupStory* story) {
  client::Cluster cluster(*env, {.bootstrap = {{"broker", 9092}}, .request_timeout = 5s});
  const client::Patience patience{Deadline::at(env->executor.now() + 10min), {}};
  ClientContext context{*env, cluster, client::Admin(cluster), "broker:9092", {}};
  WEIR_CO_CHECK(co_await context.admin.create_topic({.name = "t", .partitions = 1, .replication_factor = 1}, false, patience));
  WEIR_CO_CHECK(co_await produce_numbers(&cluster, 0, kBackedUpRecords, patience));
  BackupArgs args;
  args.dir = "/backup";
  WEIR_CO_CHECK(co_await run_backup(context, args));
  // What came after the backup is not in it: whoever takes the old topic for a restored one reads it.
  WEIR_CO_CHECK(co_await produce_numbers(&cluster, kBackedUpRecords, kBackedUpRecords + 1, patience));
  story->is_backed_up = true;
  args.overwrite = true;
  for (;;) {
    const Result<void> restored = co_await run_restore(context, args);
    if (restored) break;
    if (++story->resumed > kResumesMax) co_return restored;
    args.overwrite = false;
    args.resume = true;
  }
  WEIR_CO_CHECK(co_await read_topic(&cluster, story, patience));
  co_await cluster.shut_down();
  co_return Result<void>();
}

Task<void> tell_story(runtime::Environment env, BackupStory* story) {
  const Result<void> done = co_await back_up_and_restore(&env, story);
  if (!done) story->wrong.push_back(done.error().describe());
  story->is_over = true;
}

// Property: a restore whose connections break again and again brings back every record of the backup, once and in order. Fails
// when a batch that was sent before a connection broke comes in behind the one that was sent in its place, or when a topic whose
// making was not answered is taken for the old one.
TEST(BackupSim, restores_over_broken_connections) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    runtime::SimOptions options;
    options.log_level = LogLevel::kError;
    runtime::SimWorld world(seed, options);
    runtime::SimNode& broker = world.add_node("broker");
    runtime::SimNode& machine = world.add_node("client");
    node::NodeRun run;
    ASSERT_TRUE(node::start_node(world, broker, node::simulated_node(), run)) << run.why();
    BackupStory story;
    machine.spawn(&tell_story, machine.environment(), &story);
    ASSERT_TRUE(world.run_until_true([&] { return story.is_backed_up || story.is_over; }, 10min));
    for (int i = 0; i < 60 && !story.is_over; ++i) {
      world.run_for(Duration(5ms) + Duration(static_cast<int64_t>(seed * 701) * 1000));
      world.network().break_connections(1);
    }
    world.run_until_true([&] { return story.is_over; }, 30min);
    EXPECT_TRUE(story.is_over);
    for (const std::string& what : story.wrong) ADD_FAILURE() << what;
    std::vector<int> expected;
    for (int i = 0; i < kBackedUpRecords; ++i) expected.push_back(i);
    EXPECT_TRUE(story.read == expected) << story.read.size() << " records, resumed " << story.resumed << " times";
  }
}

}  // namespace
}  // namespace weir::cli
