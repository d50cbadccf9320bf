// What anybody may send to an open port, against the whole broker on the simulator.
#include <cstring>
#include <map>

#include <gtest/gtest.h>

#include "weir/node/broker_fixture_test.h"
#include "weir/protocol/describe.h"
#include "weir/protocol/random.h"

namespace weir::node {
namespace {

using protocol::AnyMessage;
using protocol::ApiInfo;
using protocol::ApiKey;
using protocol::FetchRequest;
using protocol::Field;
using protocol::FrameWriter;
using protocol::Kind;
using protocol::Message;
using protocol::MessageKind;
using protocol::ProduceRequest;

constexpr size_t kLengthBytes = 4;
constexpr size_t kHeadBytes = 12;  // length, key, version, correlation id

const Message& message_of(ApiKey key, MessageKind kind) {
  for (const Message* message : protocol::all_messages()) {
    if (message->kind == kind && message->key == static_cast<int16_t>(key)) return *message;
  }
  WEIR_UNREACHABLE();
}

// Every API and version that is served.
struct Asked {
  const ApiInfo* api;
  int16_t version;
};
// A member of a group may wait for the others as long as the group says.
bool waits_for_others(const Asked& asked) { return asked.api->key == ApiKey::kJoinGroup || asked.api->key == ApiKey::kSyncGroup; }

std::vector<Asked> everything_served() {
  std::vector<Asked> all;
  for (const ApiInfo& api : protocol::kApis) {
    for (int version = api.served.first; version <= api.served.last; ++version) all.push_back({&api, static_cast<int16_t>(version)});
  }
  return all;
}

// Points random requests at what exists, so that they get further than the first look-up.
class Aim {
 public:
  Aim(Prng& prng, std::string topic, Uuid topic_id, SharedBytes batch, int16_t version)
      : prng_(prng), topic_(std::move(topic)), topic_id_(topic_id), batch_(std::move(batch)), version_(version) {}

  void at(const protocol::Struct& type, std::byte* instance) {
    for (const Field& field : type.fields) {
      if (!field.versions.has(version_)) continue;
      std::byte* const member = instance + field.offset;
      if (field.sequence != nullptr) {
        const protocol::Elements elements = field.sequence->view(member);
        for (size_t i = 0; i < elements.count; ++i) {
          std::byte* const element = const_cast<std::byte*>(elements.first) + i * field.sequence->stride;
          field.kind == Kind::kStruct ? at(*field.type, element) : value(field, element);
        }
      } else if (field.kind == Kind::kStruct) {
        at(*field.type, member);
      } else if (!field.is_optional) {
        value(field, member);
      }
    }
  }

 private:
  void value(const Field& field, std::byte* member) {
    if (!prng_.chance(60)) return;
    const std::string_view name = field.name;
    if (field.kind == Kind::kString) {
      *reinterpret_cast<std::string*>(member) = prng_.chance(80) ? topic_ : std::string();
    } else if (field.kind == Kind::kUuid) {
      *reinterpret_cast<Uuid*>(member) = topic_id_;
    } else if (field.kind == Kind::kRecords) {
      *reinterpret_cast<protocol::Records*>(member) = protocol::Records(SharedBytes::copy_of(batch_));
    } else if (field.kind == Kind::kInt32 && (name == "partition" || name == "index" || name.starts_with("partition_ind") || name == "partitions")) {
      const int32_t index = static_cast<int32_t>(prng_.below(3)) - (prng_.chance(10) ? 1 : 0);
      std::memcpy(member, &index, sizeof index);
    } else if (field.kind == Kind::kInt64 && name.ends_with("offset")) {
      const int64_t offset = prng_.between(-1, 5);
      std::memcpy(member, &offset, sizeof offset);
    } else if (field.kind == Kind::kInt8 && name == "resource_type") {
      const int8_t types[] = {2, 4, 8, 16, 32};
      std::memcpy(member, &types[prng_.below(5)], 1);
    }
  }

  Prng& prng_;
  std::string topic_;
  Uuid topic_id_;
  SharedBytes batch_;
  int16_t version_;
};

class HostileClients : public testing::Test {
 protected:
  void begin(uint64_t seed, SimBroker::Adjust adjust = {}) {
    broker_ = std::make_unique<SimBroker>(seed, SimBroker::quiet(), std::move(adjust));
    ASSERT_TRUE(broker_->start()) << broker_->outcome().error().describe();
    prng_ = Prng(seed);
    topic_id_ = broker_->create_topic("t", 2);
  }
  void have_topic() {
    if (broker_->node().metadata().image()->topic("t") == nullptr) topic_id_ = broker_->create_topic("t", 2);
  }

  // A valid request, bounded so that its answer is due within a second.
  AnyMessage instance(const Asked& asked) {
    have_topic();
    AnyMessage request(message_of(asked.api->key, MessageKind::kRequest));
    protocol::randomize(request.message(), asked.version, prng_, request.instance());
    if (prng_.chance(70)) Aim(prng_, "t", topic_id_, broker_->batch({"x", "y"}), asked.version).at(*request.message().root, static_cast<std::byte*>(request.instance()));
    if (asked.api->key == ApiKey::kFetch) {
      auto& fetch = *static_cast<FetchRequest*>(request.instance());
      fetch.max_wait_ms = std::min(fetch.max_wait_ms, 1000);
    }
    if (asked.api->key == ApiKey::kProduce) {
      auto& produce = *static_cast<ProduceRequest*>(request.instance());
      if (produce.acks == 0 || prng_.chance(50)) produce.acks = prng_.chance(50) ? 1 : -1;
      if (prng_.chance(50)) produce.transactional_id.reset();
    }
    return request;
  }
  Bytes frame_of(const Asked& asked, const AnyMessage& request, int32_t correlation) {
    FrameWriter out;
    (void)protocol::begin_request(out, *asked.api, asked.version, correlation, "robust");
    const auto encoded = protocol::encode_from(request.message(), asked.version, request.instance(), out);
    EXPECT_TRUE(encoded.has_value()) << encoded.error().describe();
    protocol::finish_frame(out);
    const SharedBytes joined = std::move(out).join();
    return Bytes(joined.view().begin(), joined.view().end());
  }
  // What is wrong with an answer, "" when nothing is.
  std::string flaw(const Asked& asked, const SharedBytes& frame, int32_t expected) {
    int32_t correlation = 0;
    const Result<size_t> at = protocol::read_response_head(frame, *asked.api, asked.version, correlation);
    if (!at) return at.error().describe();
    if (correlation != expected) return fmt::format("answer {} where {} is due", correlation, expected);
    AnyMessage response(message_of(asked.api->key, MessageKind::kResponse));
    const ByteView body = frame.view().subspan(*at);
    const Result<size_t> read = protocol::decode_into(response.message(), asked.version, body, nullptr, response.instance());
    if (!read) return read.error().describe();
    return *read == body.size() ? "" : fmt::format("{} bytes are left after the response", body.size() - *read);
  }

  std::unique_ptr<SimBroker> broker_;
  Prng prng_{0};
  Uuid topic_id_;
};

// Property: a well-formed request of any API and version that is served is answered with a response of that version, soon.
// Fails when a value nobody thought of crashes a handler, keeps it waiting, or leads to a response that cannot be encoded.
TEST_F(HostileClients, any_valid_request_is_answered) {
  for (uint64_t seed = 1; seed <= rounds(4); ++seed) {
    SCOPED_TRACE(seed);
    begin(seed);
    Wire wire = broker_->connect(seed % 4 == 0 ? 9093 : 9092);
    int32_t correlation = 0;
    for (const Asked& asked : everything_served()) {
      for (int i = 0; i < 8; ++i) {
        const AnyMessage request = instance(asked);
        const auto what = [&] {
          return fmt::format("{} v{} {}", asked.api->name, asked.version, protocol::describe(*request.message().root, request.instance()));
        };
        (void)wire.send(frame_of(asked, request, ++correlation));
        const Result<SharedBytes> answer = wire.receive();
        if (!answer && waits_for_others(asked) && answer.error().code() == ErrorCode::kDeadlineExceeded) {
          wire = broker_->connect();
          continue;
        }
        ASSERT_TRUE(answer.has_value()) << answer.error().describe() << " for " << what();
        ASSERT_EQ(flaw(asked, *answer, correlation), "") << what();
        ASSERT_TRUE(broker_->is_running());
      }
    }
    EXPECT_TRUE(broker_->serves_newcomers());
    EXPECT_TRUE(broker_->stop());
    EXPECT_TRUE(broker_->outcome().has_value());
  }
}

// Property: a request that is cut short or altered is answered, or the connection is closed, and the next client is served.
// Fails when a decoder reads past a frame, a handler trusts a field, or a bad request takes more than its own connection along.
TEST_F(HostileClients, damaged_requests_harm_nobody_else) {
  for (uint64_t seed = 1; seed <= rounds(4); ++seed) {
    SCOPED_TRACE(seed);
    begin(seed);
    for (const Asked& asked : everything_served()) {
      for (int i = 0; i < 8; ++i) {
        Bytes frame = frame_of(asked, instance(asked), 1);
        bool may_be_silent = asked.api->key == ApiKey::kFetch || asked.api->key == ApiKey::kProduce ||
                             waits_for_others(asked);  // a long poll; acks = 0
        bool ends_after = false;
        if (i % 3 == 0) {
          // The frame says that it is complete, the message in it is not.
          frame.resize(kLengthBytes + prng_.below(frame.size() - kLengthBytes));
          store_be<int32_t>(frame.data(), static_cast<int32_t>(frame.size() - kLengthBytes));
        } else if (i % 3 == 1) {
          // The client dies in the middle of a frame.
          frame.resize(prng_.below(frame.size()));
          ends_after = true;
        } else {
          for (uint64_t flips = 1 + prng_.below(4); flips > 0; --flips) {
            const size_t where = prng_.below(frame.size());
            frame[where] ^= static_cast<std::byte>(1 + prng_.below(255));
            if (where < kHeadBytes) may_be_silent = true;  // half a frame, or another API
          }
        }
        Wire wire = broker_->connect();
        ASSERT_TRUE(wire.is_open());
        if (!frame.empty()) (void)wire.send(frame);
        if (ends_after) {
          wire.close();
        } else {
          const Result<SharedBytes> answer = wire.receive(may_be_silent ? 2s : Wire::kPatience);
          if (!answer && !may_be_silent) {
            ASSERT_EQ(answer.error().code(), ErrorCode::kConnectionClosed) << asked.api->name << " v" << asked.version;
          }
        }
        ASSERT_TRUE(broker_->is_running());
      }
      ASSERT_TRUE(broker_->serves_newcomers()) << asked.api->name << " v" << asked.version;
    }
    EXPECT_TRUE(broker_->stop());
  }
}

// Property: whatever is pipelined on one connection, answers come in the order of the requests, each once.
// Fails when a slow request is overtaken, for instance a Produce by a Metadata, or an answer is lost or doubled.
TEST_F(HostileClients, pipelined_answers_come_in_order) {
  const std::vector<Asked> served = everything_served();
  begin(7);
  for (uint64_t round = 0; round < rounds(60); ++round) {
    SCOPED_TRACE(round);
    Wire wire = broker_->connect();
    std::vector<Asked> sent;
    Bytes all;
    const size_t count = 1 + prng_.below(40);
    while (sent.size() < count) {
      // Half of them Produce, which overlap.
      const Asked asked = prng_.chance(50) ? Asked{&protocol::api_info(ApiKey::kProduce), static_cast<int16_t>(prng_.between(3, 13))}
                                           : served[prng_.below(served.size())];
      if (waits_for_others(asked)) continue;
      sent.push_back(asked);
      const Bytes frame = frame_of(asked, instance(asked), static_cast<int32_t>(sent.size()));
      all.insert(all.end(), frame.begin(), frame.end());
    }
    // In pieces that do not respect frames.
    std::vector<Bytes> pieces;
    for (size_t at = 0; at < all.size();) {
      const size_t piece = std::min<size_t>(all.size() - at, 1 + prng_.below(3000));
      pieces.emplace_back(all.begin() + static_cast<ptrdiff_t>(at), all.begin() + static_cast<ptrdiff_t>(at + piece));
      at += piece;
    }
    wire.send_meanwhile(std::move(pieces));
    for (size_t i = 0; i < sent.size(); ++i) {
      const Result<SharedBytes> answer = wire.receive();
      ASSERT_TRUE(answer.has_value()) << i << " " << sent[i].api->name << ": " << answer.error().describe();
      ASSERT_EQ(flaw(sent[i], *answer, static_cast<int32_t>(i + 1)), "") << sent[i].api->name << " v" << sent[i].version;
    }
    const Result<SharedBytes> more = wire.receive(1s);
    EXPECT_EQ(more.error().code(), ErrorCode::kDeadlineExceeded);
  }
}

// Property: a frame that says it is larger than socket.request.max.bytes, or smaller than nothing, ends its connection at once.
// Fails when memory is set aside for it or the connection waits for its bytes.
TEST_F(HostileClients, impossible_lengths_close) {
  begin(1, [](NodeOptions& options) { options.server.socket_request_max_bytes = 100'000; });
  for (const int32_t length : {-1, INT32_MIN, 100'001, INT32_MAX, 0x47455420 /* "GET " */}) {
    Wire wire = broker_->connect();
    std::byte head[4];
    store_be(head, length);
    ASSERT_TRUE(wire.send(head).has_value());
    EXPECT_EQ(wire.receive(1s).error().code(), ErrorCode::kConnectionClosed) << length;
  }
  // The largest that is allowed is read to its end, and closed for what it holds.
  Wire wire = broker_->connect();
  Bytes frame(kLengthBytes + 100'000, std::byte{0x7f});
  store_be<int32_t>(frame.data(), 100'000);
  (void)wire.send(frame);
  EXPECT_EQ(wire.receive(1s).error().code(), ErrorCode::kConnectionClosed);
  for (int i = 0; i < 50; ++i) {
    Wire noisy = broker_->connect();
    Bytes noise(1 + prng_.below(5000));
    for (std::byte& byte : noise) byte = static_cast<std::byte>(prng_.next());
    (void)noisy.send(noise);
    (void)noisy.receive(1s);
  }
  EXPECT_TRUE(broker_->serves_newcomers());
}

// Property: a frame of no bytes, or of less than a header, closes. Fails when the header is read from bytes that are not there.
TEST_F(HostileClients, frames_too_short_for_a_header_close) {
  begin(2);
  for (int32_t length = 0; length < 8; ++length) {
    Wire wire = broker_->connect();
    Bytes frame(kLengthBytes + static_cast<size_t>(length));
    store_be(frame.data(), length);
    if (length >= 4) store_be<int16_t>(frame.data() + 6, 3);
    ASSERT_TRUE(wire.send(frame).has_value());
    EXPECT_EQ(wire.receive(1s).error().code(), ErrorCode::kConnectionClosed) << length;
  }
}

// Property: a version or API that is not served closes the connection, except ApiVersions, which is answered in version 0 with
// UNSUPPORTED_VERSION and what is served. Fails when an old client cannot find out what the broker speaks.
TEST_F(HostileClients, versions_and_apis_that_are_not_served) {
  begin(3);
  for (const ApiInfo& api : protocol::kApis) {
    for (const int version : {api.served.first - 1, api.served.last + 1, -1, 32767}) {
      if (api.served.has(static_cast<int16_t>(version))) continue;
      Bytes frame(kHeadBytes + 40);
      store_be<int32_t>(frame.data(), static_cast<int32_t>(frame.size() - kLengthBytes));
      store_be<int16_t>(frame.data() + 4, static_cast<int16_t>(api.key));
      store_be<int16_t>(frame.data() + 6, static_cast<int16_t>(version));
      store_be<int32_t>(frame.data() + 8, 77);
      Wire wire = broker_->connect();
      (void)wire.send(frame);
      const Result<SharedBytes> answer = wire.receive(1s);
      if (api.key != ApiKey::kApiVersions) {
        ASSERT_FALSE(answer.has_value()) << api.name;
        EXPECT_EQ(answer.error().code(), ErrorCode::kConnectionClosed) << api.name << " v" << version;
        continue;
      }
      ASSERT_TRUE(answer.has_value()) << version << answer.error().describe();
      const auto response = protocol::decode<protocol::ApiVersionsResponse>(answer->slice(4, answer->size() - 4), 0);
      ASSERT_TRUE(response.has_value());
      EXPECT_EQ(response->error_code, ErrorCode::kUnsupportedVersion);
      EXPECT_FALSE(response->api_keys.empty());
    }
  }
}

// Property: a client that sends half a frame and falls silent is closed after connections.max.idle.ms, not before, and one that
// goes on asking is not. Fails when bytes of an unfinished frame keep a connection forever.
TEST_F(HostileClients, silence_ends_a_connection) {
  begin(4, [](NodeOptions& options) { options.server.connections_max_idle = 30s; });
  Wire silent = broker_->connect();
  Wire half = broker_->connect();
  Wire busy = broker_->connect();
  const std::byte part[] = {std::byte{0}, std::byte{0}, std::byte{1}, std::byte{0}, std::byte{0}};
  ASSERT_TRUE(half.send(part).has_value());
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(busy.call(protocol::ApiVersionsRequest(), 0).has_value());
    broker_->world.run_for(7s);
  }
  const MonoTime asked = broker_->world.now();
  EXPECT_EQ(half.receive().error().code(), ErrorCode::kConnectionClosed);
  EXPECT_EQ(silent.receive().error().code(), ErrorCode::kConnectionClosed);
  const Duration waited = broker_->world.now() - asked;
  EXPECT_GE(waited, 1s);
  EXPECT_LE(waited, 5s);
  EXPECT_TRUE(busy.call(protocol::ApiVersionsRequest(), 0).has_value());
}

// Property: connections above max.connections are closed at once; those within are served; a place that is given up is free again.
// Fails when the bound does not hold under a crowd or leaks places.
TEST_F(HostileClients, a_crowd_is_bounded) {
  constexpr size_t kPlaces = 1500;
  constexpr size_t kCrowd = 2000;
  begin(5, [](NodeOptions& options) { options.server.max_connections = kPlaces; });
  std::vector<Wire> crowd;
  for (size_t i = 0; i < kCrowd; ++i) {
    crowd.push_back(broker_->connect());
    ASSERT_TRUE(crowd.back().is_open());
  }
  size_t served = 0;
  for (size_t i = 0; i < kCrowd; ++i) {
    const bool is_served = crowd[i].call(protocol::ApiVersionsRequest(), 0, 5s).has_value();
    ASSERT_EQ(is_served, i < kPlaces) << i;
    served += is_served ? 1 : 0;
  }
  EXPECT_EQ(served, kPlaces);
  EXPECT_FALSE(broker_->serves_newcomers());
  for (size_t i = 0; i < 10; ++i) crowd[i * 100].close();
  broker_->world.run_for(1s);
  EXPECT_TRUE(broker_->serves_newcomers());
  crowd.clear();
  broker_->world.run_for(1s);
  EXPECT_TRUE(broker_->stop());
  EXPECT_TRUE(broker_->outcome().has_value());
}

// Property: max.connections.per.ip bounds one address, and the count goes down again. Fails when one machine takes every place.
TEST_F(HostileClients, connections_from_one_address_are_bounded) {
  begin(6, [](NodeOptions& options) { options.server.max_connections_per_ip = 3; });
  runtime::SimNode& other = broker_->world.add_node("other");
  std::vector<Wire> wires;
  broker_->world.run_for(1s);
  for (int i = 0; i < 5; ++i) wires.push_back(broker_->connect());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(wires[static_cast<size_t>(i)].call(protocol::ApiVersionsRequest(), 0, 5s).has_value(), i < 3) << i;
  auto stream = broker_->world.run(other, other.environment().network.connect({"broker", 9092}, Deadline::at(other.executor().now() + 5s)));
  ASSERT_TRUE(stream.has_value());
  Wire elsewhere(broker_->world, other, std::move(*stream));
  EXPECT_TRUE(elsewhere.call(protocol::ApiVersionsRequest(), 0).has_value());
  wires[0].close();
  broker_->world.run_for(1s);
  EXPECT_TRUE(broker_->serves_newcomers());
}

}  // namespace
}  // namespace weir::node
