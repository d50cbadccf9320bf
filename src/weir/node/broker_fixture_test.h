// A node on the simulator and a client machine that speaks bytes to it. For *_test.cc files of this module only.
//
//   SimBroker broker(seed);
//   ASSERT_TRUE(broker.start());
//   broker.create_topic("t");
//   Wire wire = broker.connect();
//   auto answer = wire.call<protocol::MetadataRequest>(request, 12);   // simulated time passes until it is there
//
// Everything is synchronous for the test and bounded in simulated time: an answer that does not come is kDeadlineExceeded.
#pragma once

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/node/node_run_test.h"
#include "weir/protocol/api_versions.h"
#include "weir/protocol/create_topics.h"
#include "weir/protocol/delete_topics.h"
#include "weir/protocol/fetch.h"
#include "weir/protocol/frame.h"
#include "weir/protocol/init_producer_id.h"
#include "weir/protocol/produce.h"
#include "weir/record/builder.h"

namespace weir::node {

// WEIR_ROBUST_ROUNDS=20 runs that many times more seeds than a plain ctest does.
inline uint64_t rounds(uint64_t usual) {
  const char* const factor = std::getenv("WEIR_ROBUST_ROUNDS");
  return factor == nullptr ? usual : usual * std::strtoull(factor, nullptr, 10);
}

// Bytes to and from one connection.
class Wire {
 public:
  static constexpr Duration kPatience = 60s;

  Wire(runtime::SimWorld& world, runtime::SimNode& visitor, std::unique_ptr<runtime::Stream> stream)
      : world_(&world), visitor_(&visitor), stream_(std::move(stream)) {}

  bool is_open() const { return stream_ != nullptr; }
  void close() {
    if (stream_ != nullptr) stream_->close();
  }
  // Errors: kConnectionClosed; kDeadlineExceeded, and then the connection is closed from here.
  Result<void> send(ByteView bytes) {
    auto sent = world_->try_run(*visitor_, write(stream_.get(), SharedBytes::copy_of(bytes)), kPatience);
    return ended(std::move(sent));
  }
  // Writes `pieces` one after the other while the test goes on: a broker need not read while nobody reads its answers.
  void send_meanwhile(std::vector<Bytes> pieces) { visitor_->spawn(&write_pieces, stream_.get(), std::move(pieces)); }
  // The next frame without its length. Errors: the same.
  Result<SharedBytes> receive(Duration patience = kPatience) {
    auto frame = world_->try_run(*visitor_, read(stream_.get()), patience);
    return ended(std::move(frame));
  }
  template <protocol::WireMessage Request>
  void ask(const Request& request, int16_t version, const std::optional<std::string>& client_id = "robust") {
    auto frame = protocol::request_frame(request, version, ++correlation_, client_id);
    ASSERT_TRUE(frame.has_value()) << frame.error().describe();
    Bytes joined;
    for (const SharedBytes& slice : *frame) joined.insert(joined.end(), slice.view().begin(), slice.view().end());
    (void)send(joined);
  }
  template <protocol::WireMessage Request>
  Result<typename Request::Response> answer(int16_t version, Duration patience = kPatience) {
    WEIR_TRY(const SharedBytes frame, receive(patience));
    int32_t correlation = 0;
    WEIR_TRY(const size_t at, protocol::read_response_head(frame, protocol::api_info(Request::kApiKey), version, correlation));
    if (correlation != ++answered_) return fail(ErrorCode::kMalformedFrame, fmt::format("answer {}, not {}", correlation, answered_));
    return protocol::decode<typename Request::Response>(frame.slice(at, frame.size() - at), version);
  }
  template <protocol::WireMessage Request>
  Result<typename Request::Response> call(const Request& request, int16_t version, Duration patience = kPatience) {
    ask(request, version);
    return answer<Request>(version, patience);
  }
  // A request that asks for no answer was sent.
  void expect_no_answer() { ++answered_; }

 private:
  static Task<Result<void>> write(runtime::Stream* stream, SharedBytes bytes) {
    const ByteView part = bytes.view();
    co_return co_await stream->write_all({&part, 1});
  }
  static Task<void> write_pieces(runtime::Stream* stream, std::vector<Bytes> pieces) {
    for (const Bytes& piece : pieces) {
      const ByteView part = piece;
      const Result<void> sent = co_await stream->write_all({&part, 1});
      if (!sent) co_return;
    }
  }
  static Task<Result<void>> fill(runtime::Stream* stream, MutableBytes into) {
    while (!into.empty()) {
      WEIR_CO_TRY(const size_t count, co_await stream->read_some(into));
      if (count == 0) co_return fail(ErrorCode::kConnectionClosed, "the broker ended the connection");
      into = into.subspan(count);
    }
    co_return Result<void>();
  }
  static Task<Result<SharedBytes>> read(runtime::Stream* stream) {
    std::byte head[4];
    WEIR_CO_CHECK(co_await fill(stream, head));
    const auto size = load_be<int32_t>(head);
    if (size < 4 || size > (128 << 20)) co_return fail(ErrorCode::kMalformedFrame, fmt::format("a frame of {} bytes", size));
    const SharedBytes frame = SharedBytes::allocate(static_cast<size_t>(size));
    WEIR_CO_CHECK(co_await fill(stream, frame.mutable_view()));
    co_return frame;
  }
  template <typename T>
  Result<T> ended(std::optional<Result<T>> outcome) {
    if (outcome) return std::move(*outcome);
    stream_->close();
    world_->run_for(1ms);  // what waits on the stream ends
    return fail(ErrorCode::kDeadlineExceeded, "nothing came");
  }

  runtime::SimWorld* world_;
  runtime::SimNode* visitor_;
  std::unique_ptr<runtime::Stream> stream_;
  int32_t correlation_ = 0;
  int32_t answered_ = 0;
};

class SimBroker {
 public:
  using Adjust = std::function<void(NodeOptions&)>;

  explicit SimBroker(uint64_t seed, const runtime::SimOptions& sim = quiet(), Adjust adjust = {})
      : world(seed, sim), machine(world.add_node("broker")), visitor(world.add_node("visitor")), adjust_(std::move(adjust)) {}
  ~SimBroker() {
    if (is_running()) (void)stop();
  }

  static runtime::SimOptions quiet() {
    runtime::SimOptions options;
    options.log_level = LogLevel::kError;
    return options;
  }

  // False when the node ended before it was ready; outcome() says why.
  bool start() {
    run_ = std::make_unique<NodeRun>();
    NodeOptions options = simulated_node();
    if (adjust_) adjust_(options);
    return start_node(world, machine, std::move(options), *run_);
  }
  bool is_running() const { return run_ != nullptr && run_->ready && !run_->ended; }
  bool has_ended() const { return run_->ended; }
  const Result<void>& outcome() const { return run_->outcome; }
  void begin_stop() { run_->stop.request_stop(); }
  // False when the node does not end in time.
  bool stop() {
    begin_stop();
    return world.run_until_true([&] { return run_->ended; }, 60s);
  }
  bool power_cycle() {
    world.power_cycle(machine);
    return start();
  }
  Node& node() { return *run_->node; }

  // A connection that could not be made is not open.
  Wire connect(uint16_t port = 9092) {
    const Deadline soon = Deadline::at(visitor.executor().now() + 10s);
    auto stream = world.run(visitor, visitor.environment().network.connect({"broker", port}, soon));
    return Wire(world, visitor, stream ? std::move(*stream) : nullptr);
  }
  // Whether a client that comes now is served.
  bool serves_newcomers() {
    Wire wire = connect();
    if (!wire.is_open()) return false;
    const auto answer = wire.call(protocol::ApiVersionsRequest(), 0);
    return answer.has_value() && answer->error_code == ErrorCode::kNone && !answer->api_keys.empty();
  }

  // Creates the topic, or finds it, and returns its id. Settings are name=value pairs.
  Uuid create_topic(const std::string& name, int32_t partitions = 1, std::vector<std::pair<std::string, std::string>> settings = {}) {
    Wire wire = connect();
    protocol::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    for (const auto& [key, value] : settings) topic.configs.push_back({.name = key, .value = value});
    const auto answer = wire.call(request, 7);
    if (!answer) return {};
    const ErrorCode code = answer->topics.at(0).error_code;
    EXPECT_TRUE(code == ErrorCode::kNone || code == ErrorCode::kTopicAlreadyExists) << name_of(code);
    const metadata::Topic* found = node().metadata().image()->topic(name);
    return found == nullptr ? Uuid() : found->id;
  }
  ErrorCode delete_topic(const std::string& name) {
    Wire wire = connect();
    protocol::DeleteTopicsRequest request;
    request.topics.push_back({.name = name});
    const auto answer = wire.call(request, 6);
    return answer ? answer->responses.at(0).error_code : answer.error().code();
  }

  // One uncompressed batch; `producer_id` and `sequence` make it an idempotent producer's.
  SharedBytes batch(const std::vector<std::string>& values, ProducerId producer_id = kNoProducerId, int32_t sequence = -1) {
    record::BatchOptions options;
    options.producer_id = producer_id;
    options.producer_epoch = producer_id == kNoProducerId ? kNoProducerEpoch : ProducerEpoch(0);
    options.base_sequence = sequence;
    record::BatchBuilder builder(options);
    for (const std::string& value : values) builder.add(machine.clock().wall_ms(), std::nullopt, as_bytes(value));
    const Result<Bytes> built = std::move(builder).build(codecs_);
    WEIR_ASSERT(built.has_value());
    return SharedBytes::copy_of(*built);
  }
  static protocol::ProduceRequest produce(const std::string& topic, SharedBytes batch, int16_t acks = -1, int32_t timeout_ms = 30'000) {
    protocol::ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = timeout_ms;
    auto& into = request.topic_data.emplace_back();
    into.name = topic;
    into.partition_data.push_back({.index = PartitionIndex(0), .records = protocol::Records(std::move(batch))});
    return request;
  }
  static protocol::FetchRequest fetch(const std::string& topic, Offset from, int32_t max_wait_ms = 500, int32_t min_bytes = 1,
                                      int32_t partition_max_bytes = 1 << 20) {
    protocol::FetchRequest request;
    request.max_wait_ms = max_wait_ms;
    request.min_bytes = min_bytes;
    auto& of = request.topics.emplace_back();
    of.topic = topic;
    of.partitions.push_back({.partition = PartitionIndex(0), .fetch_offset = from, .partition_max_bytes = partition_max_bytes});
    return request;
  }

  runtime::SimWorld world;
  runtime::SimNode& machine;
  runtime::SimNode& visitor;

 private:
  Adjust adjust_;
  std::unique_ptr<NodeRun> run_;
  codec::Codecs codecs_;
};

}  // namespace weir::node
