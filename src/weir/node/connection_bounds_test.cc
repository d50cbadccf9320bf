// How long, and how much, one connection can make the broker hold, against the whole broker on the simulator.
#include <gtest/gtest.h>

#include "weir/node/broker_fixture_test.h"
#include "weir/protocol/describe_configs.h"
#include "weir/protocol/metadata.h"

namespace weir::node {
namespace {

using protocol::FetchRequest;

constexpr size_t kLargeRecordBytes = 512 * 1024;  // more than any window of the simulated network

class ConnectionBounds : public testing::Test {
 protected:
  void begin(SimBroker::Adjust adjust = {}) {
    broker_ = std::make_unique<SimBroker>(11, SimBroker::quiet(), std::move(adjust));
    ASSERT_TRUE(broker_->start()) << broker_->outcome().error().describe();
    broker_->create_topic("t");
    broker_->world.run_for(1s);  // its connection is over
  }
  void produce_large() {
    Wire wire = broker_->connect();
    const auto answer = wire.call(SimBroker::produce("t", broker_->batch({std::string(kLargeRecordBytes, 'x')})), 9);
    ASSERT_TRUE(answer.has_value()) << answer.error().describe();
    ASSERT_EQ(answer->responses.at(0).partition_responses.at(0).error_code, ErrorCode::kNone);
    wire.close();
    broker_->world.run_for(1s);
  }

  double metric(std::string_view name) {
    const std::string text = "\n" + broker_->node().metrics().prometheus_text();
    const size_t at = text.find(fmt::format("\n{} ", name));
    return at == std::string::npos ? -1 : std::strtod(text.c_str() + at + 2 + name.size(), nullptr);
  }

  std::unique_ptr<SimBroker> broker_;
};

// Property: a stop lets an answer that is being sent reach a reader that is slow. Fails when draining looks only at answers that
// have not begun to leave, and cuts the one under way.
TEST_F(ConnectionBounds, a_stop_does_not_cut_an_answer_that_is_being_sent) {
  begin();
  produce_large();
  Wire slow = broker_->connect();
  slow.ask(SimBroker::fetch("t", Offset(0)), 12);
  broker_->world.run_for(100ms);  // the window is full, the rest waits in the broker
  broker_->begin_stop();
  broker_->world.run_for(50ms);
  const auto answer = slow.answer<FetchRequest>(12);
  ASSERT_TRUE(answer.has_value()) << answer.error().describe();
  EXPECT_GE(answer->responses.at(0).partitions.at(0).records.size(), kLargeRecordBytes);
  EXPECT_TRUE(broker_->stop());
}

// Property: a peer that takes no answers is closed after connections.max.idle.ms, whatever waits for it. Fails when answers behind
// the one that is stuck count as activity: the memory of both is then held for ever.
TEST_F(ConnectionBounds, a_peer_that_does_not_read_is_idle) {
  begin([](NodeOptions& options) {
    options.server.connections_max_idle = 30s;
    options.server.max_connections = 1;
  });
  produce_large();
  Wire deaf = broker_->connect();
  for (int i = 0; i < 4; ++i) deaf.ask(SimBroker::fetch("t", Offset(0)), 12);
  broker_->world.run_for(20s);
  EXPECT_FALSE(broker_->serves_newcomers());
  broker_->world.run_for(15s);
  EXPECT_TRUE(broker_->serves_newcomers());
}

// Property: a client that asked for a long poll of days and went away does not keep its place. Fails when a request in process
// keeps a connection from ever being idle.
TEST_F(ConnectionBounds, a_long_poll_of_days_does_not_keep_a_dead_connection) {
  begin([](NodeOptions& options) {
    options.server.connections_max_idle = 30s;
    options.server.max_connections = 1;
  });
  Wire gone = broker_->connect();
  gone.ask(SimBroker::fetch("t", Offset(0), INT32_MAX), 12);
  broker_->world.run_for(1s);
  gone.close();
  broker_->world.run_for(40s);
  EXPECT_TRUE(broker_->serves_newcomers());
}

// Property: max.connection.creation.rate lets ten seconds' worth of connections in at once and the rest at the rate; all are served in
// the end. Fails when a storm is not slowed down, or one of it is lost.
TEST_F(ConnectionBounds, new_connections_come_at_a_rate) {
  begin([](NodeOptions& options) { options.static_config["max.connection.creation.rate"] = "5"; });
  broker_->world.run_for(20s);  // what begin() used
  std::vector<Wire> crowd;
  const MonoTime began = broker_->world.now();
  for (int i = 0; i < 60; ++i) crowd.push_back(broker_->connect());
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(crowd[static_cast<size_t>(i)].call(protocol::ApiVersionsRequest(), 0).has_value()) << i;
    const Duration waited = broker_->world.now() - began;
    if (i == 49) EXPECT_LE(waited, 150ms);
    if (i == 50) EXPECT_GE(waited, 200ms);
  }
  EXPECT_GE(broker_->world.now() - began, 2s);
  EXPECT_LE(broker_->world.now() - began, 2200ms);
}

// Property: a stop does not wait for connections that wait for their turn. Fails when the wait does not hear of the stop.
TEST_F(ConnectionBounds, a_stop_ends_the_wait_for_a_turn) {
  broker_ = std::make_unique<SimBroker>(12, SimBroker::quiet(), [](NodeOptions& options) {
    options.static_config["max.connection.creation.rate"] = "0";
  });
  ASSERT_TRUE(broker_->start());
  const Wire waiting = broker_->connect();
  broker_->world.run_for(100ms);
  const MonoTime asked = broker_->world.now();
  EXPECT_TRUE(broker_->stop());
  EXPECT_LE(broker_->world.now() - asked, 500ms);
}

// A frame that promises `promised` bytes, of which only `sent` are there.
Bytes beginning_of_frame(int32_t promised, size_t sent) {
  Bytes bytes(4 + sent);
  store_be(bytes.data(), promised);
  return bytes;
}

// Property: parts of large requests that fill the budget stop no small request, and are given up when nobody makes room.
// Fails when clients that promise much and send part of it either take all memory or lock everybody out.
TEST_F(ConnectionBounds, requests_in_memory_are_bounded) {
  begin([](NodeOptions& options) { options.server.request_bytes_max = 1 << 20; });
  std::vector<Wire> hoarders;
  for (int i = 0; i < 6; ++i) {
    hoarders.push_back(broker_->connect());
    hoarders.back().send_meanwhile({beginning_of_frame(50 << 20, 3 << 20)});
  }
  broker_->world.run_for(5s);
  const double held = metric("weir_request_bytes_in_memory");
  EXPECT_GE(held, 1 << 20);
  EXPECT_LE(held, 4 << 20);  // each may have been in the middle of one read
  EXPECT_TRUE(broker_->serves_newcomers());
  broker_->world.run_for(10s);
  EXPECT_LT(metric("weir_request_bytes_in_memory"), 4 << 20);
  for (Wire& wire : hoarders) wire.close();
  broker_->world.run_for(15s);  // who waits for room hears of it when the wait is over
  EXPECT_EQ(metric("weir_request_bytes_in_memory"), 0);
  produce_large();
  EXPECT_EQ(metric("weir_request_bytes_in_memory"), 0);
}

// Property: producers with acks=0 are slowed down by a slow disk, and nothing of theirs is lost by it. Fails when what is appended and
// not written yet counts for nothing: it then fills the memory as fast as the network brings it.
TEST_F(ConnectionBounds, producers_that_want_no_answer_wait_for_the_disk) {
  constexpr size_t kBatches = 64;
  begin([](NodeOptions& options) { options.server.request_bytes_max = 1 << 20; });
  const auto taken = [this] { return broker_->node().partitions().traffic().records_in; };
  auto& disk = broker_->machine.disk().options();
  const auto fast = disk;
  disk.access_min = 20s;
  Wire wire = broker_->connect();
  const std::string value(128 * 1024, 'x');
  std::vector<Bytes> requests;
  for (size_t i = 0; i < kBatches; ++i) {
    const auto frame = protocol::request_frame(SimBroker::produce("t", broker_->batch({value}), 0), 9, static_cast<int32_t>(i), "robust");
    ASSERT_TRUE(frame.has_value());
    Bytes& whole = requests.emplace_back();
    for (const SharedBytes& slice : *frame) whole.insert(whole.end(), slice.view().begin(), slice.view().end());
  }
  wire.send_meanwhile(std::move(requests));
  broker_->world.run_for(10s);
  EXPECT_GE(taken(), 1u);
  EXPECT_LE(taken() * value.size(), 2u << 20);
  disk = fast;
  broker_->world.run_for(60s);
  EXPECT_EQ(taken(), kBatches);
  EXPECT_EQ(metric("weir_request_bytes_in_memory"), 0);
}

// Property: readers that take nothing get one batch each once the budget of answers is used up, not what they asked for.
// Fails when their number times fetch.max.bytes is what the broker must hold.
TEST_F(ConnectionBounds, answers_nobody_takes_are_bounded) {
  begin([](NodeOptions& options) { options.server.answer_bytes_max = 1 << 20; });
  for (int i = 0; i < 4; ++i) produce_large();
  std::vector<Wire> deaf;
  for (int i = 0; i < 6; ++i) {
    deaf.push_back(broker_->connect());
    deaf.back().ask(SimBroker::fetch("t", Offset(0), 500, 1, 8 << 20), 12);
    broker_->world.run_for(100ms);
  }
  const double held = metric("weir_answer_bytes_in_memory");
  EXPECT_GE(held, 1 << 20);
  EXPECT_LE(held, 6 * (kLargeRecordBytes + 4096));
  for (Wire& wire : deaf) {
    const auto answer = wire.answer<FetchRequest>(12);
    ASSERT_TRUE(answer.has_value()) << answer.error().describe();
    EXPECT_GE(answer->responses.at(0).partitions.at(0).records.size(), kLargeRecordBytes);
  }
  broker_->world.run_for(1s);
  EXPECT_EQ(metric("weir_answer_bytes_in_memory"), 0);
}

// Property: a fetch for more than there is gets what is there when its wait is over. Fails when what was read first is lost.
TEST_F(ConnectionBounds, a_fetch_that_waits_in_vain_gets_what_there_is) {
  begin();
  produce_large();
  Wire wire = broker_->connect();
  const auto answer = wire.call(SimBroker::fetch("t", Offset(0), 500, 8 << 20, 8 << 20), 12);
  ASSERT_TRUE(answer.has_value());
  EXPECT_GE(answer->responses.at(0).partitions.at(0).records.size(), kLargeRecordBytes);
}

// Property: a topic named many times is described once, as Kafka does. Fails when a small request has an answer without bound.
TEST_F(ConnectionBounds, metadata_answers_a_repeated_topic_once) {
  begin();
  Wire wire = broker_->connect();
  protocol::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  request.topics.emplace();
  for (int i = 0; i < 3; ++i) {
    request.topics->push_back({.name = "t"});
    request.topics->push_back({.name = "missing"});
  }
  const auto answer = wire.call(request, 9);
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->topics.size(), 2u);
  EXPECT_EQ(answer->topics[0].name, "t");
  EXPECT_EQ(answer->topics[1].error_code, ErrorCode::kUnknownTopicOrPartition);
}

}  // namespace
}  // namespace weir::node
