#include "weir/node/config.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/node/config_page.h"
#include "weir/node/listeners.h"

namespace weir::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ConfigInput input_of(std::string_view file) {
  ConfigInput input;
  if (!file.empty()) input.file = ConfigFile{"server.properties", std::string(file)};
  input.default_data_dir = "/home/x/.local/share/weir";
  input.working_dir = "/work";
  input.host_name = "box";
  return input;
}

Configuration good(const ConfigInput& input) {
  auto configuration = configure(input);
  EXPECT_TRUE(configuration.has_value()) << (configuration ? "" : configuration.error().front());
  return configuration ? std::move(*configuration) : Configuration();
}
Problems bad(const ConfigInput& input) {
  auto configuration = configure(input);
  EXPECT_FALSE(configuration.has_value());
  return configuration ? Problems() : configuration.error();
}
Problems bad(std::string_view file) { return bad(input_of(file)); }

// Property: without any configuration a node serves this machine only, on Kafka's port. Fails when a default opens it.
TEST(Config, defaults) {
  const Configuration chosen = good(input_of(""));
  const NodeOptions& options = chosen.options;
  ASSERT_EQ(options.server.listeners.size(), 2u);
  EXPECT_EQ(options.server.listeners[0].bind, (runtime::Endpoint{"localhost", 9092}));
  EXPECT_EQ(options.server.listeners[1].bind, (runtime::Endpoint{"localhost", 9093}));
  EXPECT_TRUE(options.server.listeners[1].serves_controller);
  EXPECT_EQ(options.advertised[0], (runtime::Endpoint{"localhost", 9092}));
  EXPECT_THAT(options.logs.dirs, ElementsAre("/home/x/.local/share/weir/log"));
  EXPECT_EQ(options.http->bind, (runtime::Endpoint{"localhost", 8080}));
  EXPECT_TRUE(options.http->next_free_port);
  EXPECT_EQ(options.server.node_id, BrokerId(1));
  EXPECT_THAT(chosen.warnings, IsEmpty());
  EXPECT_EQ(options.static_config.at("log.dirs"), "/home/x/.local/share/weir/log");
}

// Property: command line beats environment beats file. Fails when the order of sources changes.
TEST(Config, precedence) {
  ConfigInput input = input_of("log.retention.hours=1\nlog.segment.bytes=1048576\nnum.partitions=2\n");
  input.environment = {{"WEIR_LOG_RETENTION_HOURS", "2"}, {"WEIR_NUM_PARTITIONS", "3"}, {"WEIR_HTTP_LISTENER", "127.0.0.1:9999"}};
  input.overrides = {"log.retention.hours = 4"};
  const NodeOptions options = good(input).options;
  EXPECT_EQ(options.static_config.at("log.retention.hours"), "4");
  EXPECT_EQ(options.static_config.at("num.partitions"), "3");
  EXPECT_EQ(options.static_config.at("log.segment.bytes"), "1048576");
  EXPECT_EQ(options.http->bind, (runtime::Endpoint{"127.0.0.1", 9999}));
  EXPECT_FALSE(options.http->next_free_port);
}

// Property: --port and --data-dir beat the file, and what is advertised moves along. Fails when clients would be sent to the old
// port.
TEST(Config, port_and_data_dir) {
  ConfigInput input =
      input_of("listeners=PLAINTEXT://127.0.0.1:9092\nadvertised.listeners=PLAINTEXT://localhost:9092\nlog.dirs=/elsewhere\n");
  input.port = 19092;
  input.data_dir = "data";
  const NodeOptions options = good(input).options;
  EXPECT_EQ(options.server.listeners[0].bind, (runtime::Endpoint{"127.0.0.1", 19092}));
  EXPECT_EQ(options.server.listeners[1].bind, (runtime::Endpoint{"localhost", 19093}));
  EXPECT_EQ(options.advertised[0], (runtime::Endpoint{"localhost", 19092}));
  EXPECT_EQ(options.http->bind.port, 19094);
  EXPECT_THAT(options.logs.dirs, ElementsAre("/work/data/log"));
}

// Property: the combined configuration that Kafka ships is taken as it is. Fails when one of its lines is refused.
TEST(Config, kafka_example_file) {
  const Configuration chosen = good(input_of(
      "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n"
      "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n"
      "advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\ncontroller.listener.names=CONTROLLER\n"
      "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL\nnum.network.threads=3\n"
      "log.dirs=/tmp/kraft-combined-logs\noffsets.topic.replication.factor=1\nlog.retention.hours=168\n"));
  EXPECT_THAT(chosen.options.logs.dirs, ElementsAre("/tmp/kraft-combined-logs"));
  EXPECT_EQ(chosen.options.server.listeners[1].bind, (runtime::Endpoint{"", 9093}));
  // Two listeners on every address, without authentication.
  ASSERT_EQ(chosen.warnings.size(), 2u);
  EXPECT_THAT(chosen.warnings[0], HasSubstr("no authentication"));
}

// Property: a bad value says where it stands, what is allowed, and what was probably meant. Fails when any of these is lost.
TEST(Config, bad_values_are_sentences) {
  EXPECT_THAT(bad("\n\nlog.retention.hours=7d\n"),
              ElementsAre("server.properties:3: log.retention.hours = \"7d\" is not a whole number (-2147483648 .. 2147483647)\n"
                          "did you mean log.retention.hours = 168 ?"));
  EXPECT_THAT(bad("auto.create.topics.enable=on"),
              ElementsAre(HasSubstr("is neither true nor false\ndid you mean auto.create.topics.enable = true ?")));
  EXPECT_THAT(bad("process.roles=broker"), ElementsAre(HasSubstr("server.properties:1: process.roles")));
  EXPECT_THAT(bad("listeners=SECURE://:9092\nlistener.security.protocol.map=SECURE:SASL_SSL"),
              ElementsAre(HasSubstr("only PLAINTEXT")));
  EXPECT_THAT(bad("listeners=PLAINTEXT://0.0.0.0:9092"), ElementsAre(HasSubstr("advertised.listeners=PLAINTEXT://NAME:9092")));
  EXPECT_THAT(bad("listeners=PLAINTEXT:9092"), ElementsAre(HasSubstr("NAME://host:port")));
  EXPECT_THAT(bad("listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9092"),
              ElementsAre(HasSubstr("both want port 9092")));
  EXPECT_THAT(bad("controller.listener.names=OTHER"), ElementsAre(HasSubstr("not among the listeners")));
  EXPECT_THAT(bad("node.id=1\nbroker.id=2"), ElementsAre(HasSubstr("differ")));
  EXPECT_THAT(bad("log.dirs=/a,/a"), ElementsAre(HasSubstr("twice")));
  EXPECT_THAT(bad("log.dirs=/a\nmetadata.log.dir=/b"), ElementsAre(HasSubstr("must be one of log.dirs")));
  EXPECT_THAT(bad("controller.quorum.voters=1@a:9093,2@b:9093"), ElementsAre(HasSubstr("this node alone")));
  EXPECT_EQ(bad("log.retention.hours=x\nlog.segment.bytes=y").size(), 2u);
  ConfigInput input = input_of("");
  input.overrides = {"nonsense"};
  EXPECT_THAT(bad(input), ElementsAre("--override: \"nonsense\" is not of the form key=value"));
}

// Property: a name nobody knows is a warning with the nearest one, never an error. Fails when a typo stops or passes in silence.
TEST(Config, unknown_names_warn) {
  EXPECT_THAT(
      good(input_of("log.retentoin.hours=1")).warnings,
      ElementsAre("server.properties:1: unknown property \"log.retentoin.hours\" is ignored; nearest: log.retention.hours"));
  EXPECT_THAT(good(input_of("retention.ms=1")).warnings,
              ElementsAre(HasSubstr("its default for all topics is log.retention.ms")));
}

// Property: the metadata log's directory comes first. Fails when metadata.log.dir is only checked.
TEST(Config, metadata_log_dir_comes_first) {
  EXPECT_THAT(good(input_of("log.dirs=/a,/b,/c\nmetadata.log.dir=/b")).options.logs.dirs, ElementsAre("/b", "/a", "/c"));
}

// Property: a suggestion is the value that was meant, exactly, or none. Fails when a unit is scaled wrongly.
TEST(Config, meant_values) {
  EXPECT_EQ(suggested_value("log.retention.ms", "7d"), "604800000");
  EXPECT_EQ(suggested_value("log.retention.minutes", "2h"), "120");
  EXPECT_EQ(suggested_value("log.segment.bytes", "1 GiB"), "1073741824");
  EXPECT_EQ(suggested_value("log.retention.hours", "90m"), "");  // not a whole number of hours
  EXPECT_EQ(suggested_value("log.retention.hours", "soon"), "");
}

// Property: the page is what the table says. Fails when an option changed and the page was not made again.
TEST(Config, configuration_page_is_current) {
  std::ifstream in(WEIR_SOURCE_DIR "/docs/configuration.md", std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(page == configuration_page()) << "run: build/release/weir doc configuration > docs/configuration.md";
}

// Property: the packaged file is good and silent. Fails when it names an option we do not know or opens the node.
TEST(Config, packaged_file_is_good) {
  std::ifstream in(WEIR_SOURCE_DIR "/packaging/server.properties", std::ios::binary);
  ConfigInput input = input_of("");
  input.file = ConfigFile{"server.properties", {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}};
  const Configuration chosen = good(input);
  EXPECT_THAT(chosen.warnings, IsEmpty());
  EXPECT_THAT(chosen.notes, IsEmpty());
  ASSERT_EQ(chosen.options.server.listeners.size(), 2u);
  for (const server::ListenerOptions& listener : chosen.options.server.listeners) EXPECT_TRUE(is_loopback(listener.bind.host));
}

}  // namespace
}  // namespace weir::node
