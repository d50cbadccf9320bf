#include "weir/node/node.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "weir/runtime/sim/world.h"
#include "weir/storage/clean_shutdown.h"

namespace weir::node {
namespace {

using runtime::SimNode;
using runtime::SimWorld;
using runtime::StopSource;

NodeOptions simulated_options() {
  NodeOptions options = node_options({"/data/log"}, BrokerId(1), {"broker", 9092}, {"broker", 9093});
  options.http = HttpOptions{.bind = {"broker", 8080}, .next_free_port = true};
  return options;
}

// One run of a node, told from outside.
struct NodeRun {
  bool ready = false;
  bool ended = false;
  Result<void> outcome;
  std::string cluster_id;
  StopSource stop;
};

Task<void> watch_ready(Node* node, NodeRun* run, runtime::Executor* executor) {
  (void)co_await node->ready().wait(*executor);
  run->ready = true;
  run->cluster_id = node->cluster_id();
}

Task<void> run_node(runtime::Environment environment, NodeOptions options, NodeRun* run) {
  Node node(environment, std::move(options));
  runtime::TaskGroup watching(environment.executor);
  watching.spawn(&watch_ready, &node, run, &environment.executor);
  run->outcome = co_await node.run(run->stop.token());
  run->ended = true;
}

void start(SimWorld& world, SimNode& machine, NodeRun& run) {
  machine.spawn(&run_node, machine.environment(), simulated_options(), &run);
  world.run_until_true([&] { return run.ready || run.ended; }, 60s);
}

void stop(SimWorld& world, NodeRun& run) {
  run.stop.request_stop();
  world.run_until_true([&] { return run.ended; }, 60s);
}

Task<Result<std::string>> get(runtime::Environment environment, std::string path) {
  const Deadline soon = Deadline::at(environment.executor.now() + 5s);
  WEIR_CO_TRY(const auto stream, co_await environment.network.connect({"broker", 8080}, soon));
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n\r\n";
  const ByteView part = as_bytes(request);
  WEIR_CO_CHECK(co_await stream->write_all({&part, 1}));
  std::string answer;
  std::byte buffer[4096];
  for (;;) {
    const Result<size_t> count = co_await stream->read_some(buffer);
    if (!count || *count == 0) break;
    answer += as_text(ByteView(buffer, *count));
  }
  co_return answer;
}

// Property: a fresh directory is formatted, and the next run finds the same cluster, after a clean stop and after a crash.
// Fails when a start formats again, or cannot take up what the run before left.
TEST(Node, starts_stops_and_starts_again) {
  SimWorld world(1);
  SimNode& machine = world.add_node("broker");
  NodeRun first;
  start(world, machine, first);
  ASSERT_TRUE(first.ready) << first.outcome.error().describe();
  stop(world, first);
  ASSERT_TRUE(first.ended);
  ASSERT_TRUE(first.outcome.has_value()) << first.outcome.error().describe();

  NodeRun second;
  start(world, machine, second);
  ASSERT_TRUE(second.ready) << second.outcome.error().describe();
  EXPECT_EQ(second.cluster_id, first.cluster_id);
  world.power_cycle(machine);

  NodeRun third;
  start(world, machine, third);
  ASSERT_TRUE(third.ready) << third.outcome.error().describe();
  EXPECT_EQ(third.cluster_id, first.cluster_id);
  stop(world, third);
  EXPECT_TRUE(third.ended && third.outcome.has_value());
}

// Property: the pages say what they should. Fails when a page is gone or a metric loses its name.
TEST(Node, pages) {
  SimWorld world(2);
  SimNode& machine = world.add_node("broker");
  SimNode& visitor = world.add_node("visitor");
  NodeRun run;
  start(world, machine, run);
  ASSERT_TRUE(run.ready) << run.outcome.error().describe();
  const auto ask = [&](const char* path) { return world.run(visitor, get(visitor.environment(), path)).value_or("no answer"); };
  EXPECT_NE(ask("/readyz").find("200 OK"), std::string::npos);
  EXPECT_NE(ask("/healthz").find("alive"), std::string::npos);
  EXPECT_NE(ask("/").find(run.cluster_id), std::string::npos);
  EXPECT_NE(ask("/nothing").find("404"), std::string::npos);
  const std::string metrics = ask("/metrics");
  EXPECT_NE(metrics.find("\nkafka_controller_kafkacontroller_activecontrollercount 1\n"), std::string::npos) << metrics;
  for (const char* name : {"kafka_controller_kafkacontroller_globaltopiccount", "kafka_controller_kafkacontroller_globalpartitioncount",
                           "kafka_controller_kafkacontroller_offlinepartitionscount", "kafka_log_logmanager_remaininglogstorecover",
                           "kafka_log_logmanager_remainingsegmentstorecover"}) {
    EXPECT_NE(metrics.find(std::string("\n") + name), std::string::npos) << name;
  }
  stop(world, run);
}

// Property: a second node on the same directory, or on the same port, does not start and changes nothing.
// Fails when it touches the directory before it has the lock.
TEST(Node, second_instance_is_refused) {
  SimWorld world(3);
  SimNode& machine = world.add_node("broker");
  NodeRun first;
  start(world, machine, first);
  ASSERT_TRUE(first.ready);
  NodeRun second;
  start(world, machine, second);
  EXPECT_TRUE(second.ended && !second.ready);
  ASSERT_FALSE(second.outcome.has_value());
  EXPECT_EQ(second.outcome.error().code(), ErrorCode::kLocked);

  NodeRun elsewhere;
  NodeOptions options = simulated_options();
  options.logs.dirs = {"/other/log"};
  machine.spawn(&run_node, machine.environment(), std::move(options), &elsewhere);
  world.run_until_true([&] { return elsewhere.ready || elsewhere.ended; }, 60s);
  ASSERT_FALSE(elsewhere.outcome.has_value());
  EXPECT_EQ(elsewhere.outcome.error().code(), ErrorCode::kAddressInUse);
  const auto left = world.run(machine, machine.disk().list("/other"));
  EXPECT_FALSE(left.has_value());
  stop(world, first);
  EXPECT_TRUE(first.outcome.has_value());
}

// Property: a directory that is refused for its features is left as clean as it was. Fails when the marker of the clean stop,
// which opening takes away, is not put back.
TEST(Node, refused_directory_stays_clean) {
  std::ifstream in(WEIR_SOURCE_DIR "/tests/cli/golden/kafka-bootstrap.checkpoint", std::ios::binary);
  const std::string kafka{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  SimWorld world(5);
  SimNode& machine = world.add_node("broker");
  runtime::Environment environment = machine.environment();
  ASSERT_TRUE(world.run(machine, metadata::format(environment, {"/data/log"}, {})).has_value());
  ASSERT_TRUE(
      world.run(machine, runtime::write_file_atomically(machine.disk(), "/data/log/bootstrap.checkpoint", to_bytes(kafka))));
  ASSERT_TRUE(world.run(machine, storage::write_clean_shutdown(machine.disk(), "/data/log", 5)));
  NodeRun run;
  start(world, machine, run);
  ASSERT_FALSE(run.outcome.has_value());
  EXPECT_EQ(run.outcome.error().code(), ErrorCode::kUnsupportedFeature);
  const Result<Bytes> marker = world.run(machine, runtime::read_file(machine.disk(), "/data/log/.kafka_cleanshutdown", 1000));
  ASSERT_TRUE(marker.has_value());
  EXPECT_EQ(storage::parse_clean_shutdown(as_text(*marker)), 5);
}

// Property: a directory with something else in it is left alone. Fails when a start formats it.
TEST(Node, strange_directory_is_refused) {
  SimWorld world(4);
  SimNode& machine = world.add_node("broker");
  ASSERT_TRUE(world.run(machine, machine.disk().create_directories("/data/log/photos")));
  NodeRun run;
  start(world, machine, run);
  ASSERT_FALSE(run.outcome.has_value());
  EXPECT_EQ(run.outcome.error().code(), ErrorCode::kInvalidConfig);
  EXPECT_EQ(world.run(machine, machine.disk().list("/data/log"))->size(), 1u);
}

}  // namespace
}  // namespace weir::node
