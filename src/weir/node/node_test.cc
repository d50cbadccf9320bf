#include "weir/node/node.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "weir/node/config.h"
#include "weir/node/node_run_test.h"
#include "weir/storage/clean_shutdown.h"

namespace weir::node {
namespace {

using runtime::SimNode;
using runtime::SimWorld;

NodeOptions node_with_pages() {
  NodeOptions options = simulated_node();
  options.http = HttpOptions{.bind = {"broker", 8080}, .next_free_port = true};
  return options;
}

bool start(SimWorld& world, SimNode& machine, NodeRun& run) { return start_node(world, machine, node_with_pages(), run); }

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
  ASSERT_TRUE(start(world, machine, first)) << first.why();
  ASSERT_TRUE(stop_node(world, first)) << first.why();

  NodeRun second;
  ASSERT_TRUE(start(world, machine, second)) << second.why();
  EXPECT_EQ(second.cluster_id, first.cluster_id);
  world.power_cycle(machine);

  NodeRun third;
  ASSERT_TRUE(start(world, machine, third)) << third.why();
  EXPECT_EQ(third.cluster_id, first.cluster_id);
  EXPECT_TRUE(stop_node(world, third)) << third.why();
}

// Property: the pages say what they should. Fails when a page is gone or a metric loses its name.
TEST(Node, pages) {
  SimWorld world(2);
  SimNode& machine = world.add_node("broker");
  SimNode& visitor = world.add_node("visitor");
  NodeRun run;
  ASSERT_TRUE(start(world, machine, run)) << run.why();
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
  // Before the first request: a rate can be taken of what begins at 0 only.
  for (const char* row : {"kafka_network_requestmetrics_requests_total{request=\"Produce\"} 0", "weir_request_total_us_count{request=\"Fetch\"} 0",
                          "kafka_server_brokertopicmetrics_messagesin_total 0", "kafka_server_brokertopicmetrics_bytesin_total 0",
                          "kafka_server_brokertopicmetrics_bytesout_total 0"}) {
    EXPECT_NE(metrics.find(fmt::format("\n{}\n", row)), std::string::npos) << row;
  }
  EXPECT_EQ(metrics.find("TxnOffsetCommit"), std::string::npos) << "of APIs that are not served there is nothing";
  EXPECT_TRUE(stop_node(world, run));
}

// Property: an interval that is as long as a number can be never comes. Fails when it overflows on its way into a deadline, and what
// should never happen happens all the time.
TEST(Node, longest_intervals_never_come) {
  SimWorld world(6);
  SimNode& machine = world.add_node("broker");
  ConfigInput input;
  input.overrides = {"log.dirs=/data/log"};
  for (const char* option : {"metadata.log.max.snapshot.interval.ms", "offsets.retention.check.interval.ms", "log.retention.check.interval.ms",
                             "log.initial.task.delay.ms", "connections.max.idle.ms", "replica.high.watermark.checkpoint.interval.ms"}) {
    input.overrides.push_back(fmt::format("{}={}", option, INT64_MAX));
  }
  const auto chosen = configure(input);
  ASSERT_TRUE(chosen.has_value()) << chosen.error().front();
  NodeRun run;
  ASSERT_TRUE(start_node(world, machine, chosen->options, run)) << run.why();
  const uint64_t before = world.events();
  world.run_for(1min);
  EXPECT_LT(world.events() - before, 20'000u);
  EXPECT_TRUE(stop_node(world, run)) << run.why();
}

// Property: a second node on the same directory, or on the same port, does not start and changes nothing.
// Fails when it touches the directory before it has the lock.
TEST(Node, second_instance_is_refused) {
  SimWorld world(3);
  SimNode& machine = world.add_node("broker");
  NodeRun first;
  ASSERT_TRUE(start(world, machine, first)) << first.why();
  NodeRun second;
  EXPECT_FALSE(start(world, machine, second));
  ASSERT_FALSE(second.outcome.has_value());
  EXPECT_EQ(second.outcome.error().code(), ErrorCode::kLocked);

  NodeRun elsewhere;
  NodeOptions options = node_with_pages();
  options.logs.dirs = {"/other/log"};
  EXPECT_FALSE(start_node(world, machine, std::move(options), elsewhere));
  ASSERT_FALSE(elsewhere.outcome.has_value());
  EXPECT_EQ(elsewhere.outcome.error().code(), ErrorCode::kAddressInUse);
  const auto left = world.run(machine, machine.disk().list("/other"));
  EXPECT_FALSE(left.has_value());
  EXPECT_TRUE(stop_node(world, first));
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
