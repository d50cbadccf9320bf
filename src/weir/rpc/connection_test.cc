// A connection and a pool against a peer that does what a test says, in the simulator.
#include "weir/rpc/connection.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "weir/protocol/api_versions.h"
#include "weir/protocol/heartbeat.h"
#include "weir/protocol/join_group.h"
#include "weir/rpc/pool.h"
#include "weir/runtime/sim/world.h"

namespace weir::rpc {
namespace {

using protocol::ApiKey;
using protocol::HeartbeatRequest;
using protocol::HeartbeatResponse;
using runtime::Environment;
using runtime::SimNode;
using runtime::SimWorld;

constexpr uint16_t kPort = 9092;

// What the peer does with the requests that follow the handshake.
struct Script {
  int16_t handshake_last = 4;      // of ApiVersions; newer ones are refused with error 35
  bool names_range = true;         // in that refusal
  int16_t heartbeat_last = 4;      // -1: not served
  size_t bytes_per_write = SIZE_MAX;
  std::function<Result<std::vector<SharedBytes>>(int number, const protocol::RequestHead& head)> answer;  // empty frame: none
  bool closes_instead = false;     // at the first request
  int accepted = 0;
  std::vector<int16_t> handshakes;  // versions asked
  std::vector<int16_t> versions;    // of the other requests
};

Result<std::vector<SharedBytes>> good_answer(int, const protocol::RequestHead& head) {
  HeartbeatResponse response;
  response.error_code = static_cast<ErrorCode>(head.correlation_id % 2 == 0 ? 0 : 27);
  return protocol::response_frame(response, head.api_version, head.correlation_id);
}

Task<Result<void>> write_in_pieces(runtime::Stream* stream, std::vector<SharedBytes> frame, size_t bytes) {
  Bytes whole;
  for (const SharedBytes& slice : frame) whole.insert(whole.end(), slice.view().begin(), slice.view().end());
  for (size_t at = 0; at < whole.size();) {
    const size_t count = std::min(bytes, whole.size() - at);
    const ByteView piece = ByteView(whole).subspan(at, count);
    const ByteView parts[] = {piece};
    WEIR_CO_CHECK(co_await stream->write_all(parts));
    at += count;
  }
  co_return Result<void>();
}

Task<Result<void>> read_all(runtime::Stream* stream, MutableBytes into) {
  while (!into.empty()) {
    WEIR_CO_TRY(const size_t count, co_await stream->read_some(into));
    if (count == 0) co_return fail(ErrorCode::kConnectionClosed);
    into = into.subspan(count);
  }
  co_return Result<void>();
}

std::vector<SharedBytes> handshake(Script& script, const protocol::RequestHead& head) {
  script.handshakes.push_back(head.api_version);
  protocol::ApiVersionsResponse response;
  if (script.names_range || head.api_version <= script.handshake_last) {
    response.api_keys.push_back({18, 0, script.handshake_last});
    if (script.heartbeat_last >= 0) response.api_keys.push_back({12, 0, script.heartbeat_last});
  }
  if (head.api_version > script.handshake_last) {
    response.error_code = ErrorCode::kUnsupportedVersion;
    return *protocol::response_frame(response, 0, head.correlation_id);
  }
  return *protocol::response_frame(response, head.api_version, head.correlation_id);
}

Task<Result<void>> talk(Script* script, runtime::Stream* stream) {
  for (int number = 0;;) {
    std::byte size_bytes[protocol::kFrameSizeBytes];
    WEIR_CO_CHECK(co_await read_all(stream, size_bytes));
    Bytes frame(static_cast<size_t>(load_be<int32_t>(size_bytes)));
    WEIR_CO_CHECK(co_await read_all(stream, frame));
    WEIR_CO_TRY(const protocol::RequestHead head, protocol::read_request_head(frame));
    std::vector<SharedBytes> answer;
    if (head.api_key == 18) {
      answer = handshake(*script, head);
    } else {
      if (script->closes_instead) co_return Result<void>();
      script->versions.push_back(head.api_version);
      WEIR_CO_TRY(answer, script->answer(number++, head));
    }
    WEIR_CO_CHECK(co_await write_in_pieces(stream, std::move(answer), script->bytes_per_write));
  }
}

Task<void> talk_on(Script* script, std::shared_ptr<runtime::Stream> stream) {
  (void)co_await talk(script, stream.get());
  stream->close();
}

Task<void> run_peer(Environment env, Script* script) {
  auto listener = co_await env.network.listen({"", kPort});
  runtime::TaskGroup talks(env.executor);
  for (;;) {
    auto stream = co_await (*listener)->accept();
    if (!stream) co_return;
    ++script->accepted;
    talks.spawn(&talk_on, script, std::shared_ptr<runtime::Stream>(std::move(*stream)));
  }
}

struct RpcWorld {
  explicit RpcWorld(uint64_t seed = 1) : world(seed, quiet()), peer(world.add_node("peer")), us(world.add_node("us")), loops(us.executor()) {
    script.answer = &good_answer;
    peer.spawn(&run_peer, peer.environment(), &script);
    world.run_for(10ms);
  }
  ~RpcWorld() {
    if (connection) connection->close();
    world.run_for(1s);
  }
  static runtime::SimOptions quiet() {
    runtime::SimOptions options;
    options.log_level = LogLevel::kError;
    return options;
  }
  Patience within(Duration time, runtime::StopToken stop = {}) { return {Deadline::at(us.executor().now() + time), std::move(stop)}; }
  Result<void> open(ConnectionOptions options = {}) {
    auto opened = world.run(us, Connection::open(us.environment(), loops, {"peer", kPort}, std::move(options), within(5s)));
    if (!opened) return fail(opened.error());
    connection = *opened;
    return {};
  }
  Result<HeartbeatResponse> call(Duration time = 5s) { return world.run(us, connection->call(HeartbeatRequest(), within(time))); }

  Script script;
  SimWorld world;
  SimNode& peer;
  SimNode& us;
  runtime::TaskGroup loops;
  std::shared_ptr<Connection> connection;
};

ErrorCode code_of(const auto& result) { return result ? ErrorCode::kNone : result.error().code(); }

// Property: answers are put together from whatever pieces they come in. Fails when a read is taken for a frame.
TEST(RpcConnection, answers_in_pieces) {
  for (const size_t bytes : {1, 3, 5}) {
    RpcWorld one;
    one.script.bytes_per_write = bytes;
    ASSERT_TRUE(one.open());
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(one.call());
  }
}

// Property: both sides meet in the highest version that both know; an older peer's refusal of ApiVersions is followed by one
// question in its range, in version 0 when it names none. Fails when the first answer ends the conversation.
TEST(RpcConnection, versions_are_agreed_on) {
  RpcWorld one;
  one.script.handshake_last = 2;
  one.script.heartbeat_last = 3;
  ASSERT_TRUE(one.open());
  EXPECT_EQ(one.script.handshakes, (std::vector<int16_t>{4, 2}));
  EXPECT_TRUE(one.call());
  EXPECT_EQ(one.script.versions, std::vector<int16_t>{3});
  EXPECT_EQ(*one.connection->version_of(ApiKey::kHeartbeat, 1), 1);

  RpcWorld silent;
  silent.script.handshake_last = 0;
  silent.script.names_range = false;
  ASSERT_TRUE(silent.open());
  EXPECT_EQ(silent.script.handshakes, (std::vector<int16_t>{4, 0}));
}

// Property: an API that the peer lacks, and a field that its version has no place for, are refused by name before anything
// is sent. Fails when a request goes out in a version the peer did not offer.
TEST(RpcConnection, what_the_peer_cannot_do) {
  RpcWorld one;
  one.script.heartbeat_last = 2;
  ASSERT_TRUE(one.open());
  HeartbeatRequest request;
  request.group_instance_id = "static";
  const auto lacks_field = one.world.run(one.us, one.connection->call(request, one.within(5s)));
  EXPECT_EQ(code_of(lacks_field), ErrorCode::kUnsupportedVersion);
  EXPECT_NE(lacks_field.error().message().find("group_instance_id"), std::string::npos) << lacks_field.error().message();
  EXPECT_EQ(code_of(one.world.run(one.us, one.connection->call(protocol::JoinGroupRequest(), one.within(5s)))), ErrorCode::kUnsupportedVersion);
  EXPECT_TRUE(one.script.versions.empty());
  EXPECT_TRUE(one.call()) << "the connection must live on";
}

// Property: an answer to another request, one that nobody asked for, a frame of an impossible size and one that is cut off
// end the connection, and the call with it. Fails when such an answer reaches a caller, or memory is taken for what was claimed.
TEST(RpcConnection, wrong_answers_end_the_connection) {
  const auto raw = [](std::vector<uint8_t> bytes) { return std::vector<SharedBytes>{SharedBytes::copy_of(std::as_bytes(std::span(bytes)))}; };
  struct Wrong {
    std::vector<uint8_t> bytes;  // none: a good answer to the request before
    const char* says;
  };
  for (const Wrong& wrong : {Wrong{{}, "where"}, Wrong{{0x7f, 0xff, 0xff, 0xff}, "is that a Kafka broker?"},
                             Wrong{{0xff, 0xff, 0xff, 0xff}, "is that a Kafka broker?"}, Wrong{{0, 0, 0, 3, 1, 2, 3}, "is that a Kafka broker?"},
                             Wrong{{'H', 'T', 'T', 'P'}, "answers in HTTP"}, Wrong{{0x15, 3, 1, 0}, "answers in TLS"}}) {
    RpcWorld one;
    one.script.answer = [&](int, const protocol::RequestHead& head) -> Result<std::vector<SharedBytes>> {
      if (wrong.bytes.empty()) return protocol::response_frame(HeartbeatResponse(), head.api_version, head.correlation_id + 7);
      return raw(wrong.bytes);
    };
    ASSERT_TRUE(one.open({.frame_bytes_max = 1 << 20}));
    const auto answer = one.call();
    EXPECT_EQ(code_of(answer), ErrorCode::kMalformedFrame);
    if (!answer) EXPECT_NE(answer.error().message().find(wrong.says), std::string::npos) << answer.error().message();
    EXPECT_FALSE(one.connection->is_open());
    EXPECT_EQ(code_of(one.call()), ErrorCode::kConnectionClosed);
  }
  RpcWorld cut;
  cut.script.answer = [](int, const protocol::RequestHead& head) -> Result<std::vector<SharedBytes>> {
    std::vector<uint8_t> bytes{0, 0, 0, 6, 0, 0, 0, 0, 0, 0};  // a head and half a body
    bytes[7] = static_cast<uint8_t>(head.correlation_id);
    return std::vector<SharedBytes>{SharedBytes::copy_of(std::as_bytes(std::span(bytes)))};
  };
  ASSERT_TRUE(cut.open());
  EXPECT_EQ(code_of(cut.call()), ErrorCode::kMalformedFrame);
  EXPECT_FALSE(cut.connection->is_open());
}

// Property: a deadline ends the call in time and the connection with it; a peer that closes ends all calls under way.
// Fails when a call waits for ever.
TEST(RpcConnection, silence_and_hanging_up) {
  RpcWorld silent;
  silent.script.answer = [](int, const protocol::RequestHead&) -> Result<std::vector<SharedBytes>> { return std::vector<SharedBytes>(); };
  ASSERT_TRUE(silent.open());
  const MonoTime before = silent.us.executor().now();
  EXPECT_EQ(code_of(silent.call(300ms)), ErrorCode::kDeadlineExceeded);
  EXPECT_LT(silent.us.executor().now() - before, Duration(400ms));
  EXPECT_FALSE(silent.connection->is_open());

  RpcWorld gone;
  gone.script.closes_instead = true;
  ASSERT_TRUE(gone.open());
  EXPECT_EQ(code_of(gone.call()), ErrorCode::kConnectionClosed);
  EXPECT_FALSE(gone.connection->is_open());
}

Task<void> call_into(std::shared_ptr<Connection> connection, Patience patience, std::vector<ErrorCode>* codes) {
  const auto answer = co_await connection->call(HeartbeatRequest(), patience);
  codes->push_back(answer ? answer->error_code : answer.error().code());
}

// Property: a call that is called off while it is under way ends at once; its answer, when it comes, is given to nobody, and
// the calls behind it get theirs. Fails when answers shift by one.
TEST(RpcConnection, cancelled_while_under_way) {
  RpcWorld one;
  ASSERT_TRUE(one.open());
  one.world.network().clog(one.peer.id(), one.us.id(), 100ms);
  runtime::StopSource stop;
  std::vector<ErrorCode> first;
  std::vector<ErrorCode> second;
  one.us.spawn(&call_into, one.connection, one.within(1min, stop.token()), &first);
  one.world.run_for(1ms);
  one.us.spawn(&call_into, one.connection, one.within(1min), &second);
  one.world.run_for(10ms);
  EXPECT_EQ(one.connection->in_flight(), 2u);
  stop.request_stop();
  one.world.run_for(10ms);
  EXPECT_EQ(first, std::vector<ErrorCode>{ErrorCode::kCancelled});
  EXPECT_TRUE(second.empty());
  EXPECT_TRUE(one.world.run_until_true([&] { return !second.empty(); }, 1min));
  // The peer answers even correlation ids with none and odd ones with REBALANCE_IN_PROGRESS: the handshake had number 0.
  EXPECT_EQ(second, std::vector<ErrorCode>{ErrorCode::kNone});
  EXPECT_TRUE(one.connection->is_open());
}

// Property: at most kInFlightMax requests are under way. Fails when a peer that does not answer lets the queue grow.
TEST(RpcConnection, in_flight_is_bounded) {
  RpcWorld one;
  one.script.answer = [](int, const protocol::RequestHead&) -> Result<std::vector<SharedBytes>> { return std::vector<SharedBytes>(); };
  ASSERT_TRUE(one.open());
  std::vector<ErrorCode> codes;
  for (size_t i = 0; i < Connection::kInFlightMax + 3; ++i) one.us.spawn(&call_into, one.connection, one.within(1min), &codes);
  one.world.run_for(100ms);
  EXPECT_EQ(codes, std::vector<ErrorCode>(3, ErrorCode::kUnavailable));
  one.connection->close();
  one.world.run_for(100ms);
  EXPECT_EQ(codes.size(), Connection::kInFlightMax + 3);
}

Task<void> ask_pool(Pool* pool, Lane lane, Patience patience, std::vector<std::shared_ptr<Connection>>* got) {
  auto connection = co_await pool->connection({"peer", kPort}, lane, patience);
  got->push_back(connection ? *connection : nullptr);
}

// Property: pauses double from the first to the largest and stay there. Fails when many failures overflow into no pause at all.
TEST(RpcBackoff, doubles_up_to_its_largest) {
  const Backoff backoff{.first = 100ms, .max = 1s};
  EXPECT_EQ(backoff.after(1), Duration(100ms));
  EXPECT_EQ(backoff.after(2), Duration(200ms));
  EXPECT_EQ(backoff.after(4), Duration(800ms));
  EXPECT_EQ(backoff.after(5), Duration(1s));
  EXPECT_EQ(backoff.after(INT32_MAX), Duration(1s));
  EXPECT_EQ((Backoff{.first = Duration::zero(), .max = 1s}).after(INT32_MAX), Duration::zero());
}

// Property: callers that ask at the same time share one connection; each lane has its own; a lane that is closed makes a new
// one when it is asked again. Fails when every caller dials, or lanes are mixed up.
TEST(RpcPool, one_connection_for_each_lane) {
  RpcWorld one;
  Pool pool(one.us.environment(), {});
  std::vector<std::shared_ptr<Connection>> got;
  for (int i = 0; i < 5; ++i) one.us.spawn(&ask_pool, &pool, Lane::kQuick, one.within(5s), &got);
  one.us.spawn(&ask_pool, &pool, static_cast<Lane>(7), one.within(5s), &got);
  one.world.run_for(1s);
  ASSERT_EQ(got.size(), 6u);
  EXPECT_EQ(one.script.accepted, 2);
  pool.close_lane(static_cast<Lane>(7));
  EXPECT_EQ(std::count_if(got.begin(), got.end(), [](const auto& connection) { return connection->is_open(); }), 5);
  one.us.spawn(&ask_pool, &pool, static_cast<Lane>(7), one.within(5s), &got);
  one.world.run_for(1s);
  EXPECT_EQ(one.script.accepted, 3);
  EXPECT_TRUE(got.back()->is_open());
  one.world.run(one.us, pool.shut_down());
}

// Property: after failures the pool waits longer and longer before it dials again, and a caller whose time is over first is
// told so at once. Fails when a broker that is gone is dialled without pause.
TEST(RpcPool, dials_again_with_growing_pauses) {
  RpcWorld one;
  Pool pool(one.us.environment(), {});
  one.world.crash(one.peer);
  std::vector<Duration> took;
  for (int i = 0; i < 6; ++i) {
    const MonoTime before = one.us.executor().now();
    EXPECT_FALSE(one.world.run(one.us, pool.connection({"peer", kPort}, Lane::kQuick, one.within(1min))));
    took.push_back(one.us.executor().now() - before);
  }
  EXPECT_GT(took.back(), Duration(500ms));
  const MonoTime before = one.us.executor().now();
  EXPECT_EQ(code_of(one.world.run(one.us, pool.connection({"peer", kPort}, Lane::kQuick, one.within(10ms)))), ErrorCode::kDeadlineExceeded);
  EXPECT_LT(one.us.executor().now() - before, Duration(20ms));
  one.world.restart(one.peer);
  one.peer.spawn(&run_peer, one.peer.environment(), &one.script);
  EXPECT_TRUE(one.world.run(one.us, pool.connection({"peer", kPort}, Lane::kQuick, one.within(1min))));
  one.world.run(one.us, pool.shut_down());
}

// Property: a dial that was called off is no failure: the next one goes out at once. Fails when a member that stops joining must
// wait before it can say that it leaves.
TEST(RpcPool, a_dial_that_was_called_off_is_no_failure) {
  RpcWorld one;
  Pool pool(one.us.environment(), {.backoff = {.first = 10s, .max = 10s}});
  one.world.network().clog(one.peer.id(), one.us.id(), 100ms);  // the handshake takes that long
  runtime::StopSource stop;
  std::vector<std::shared_ptr<Connection>> got;
  one.us.spawn(&ask_pool, &pool, Lane::kQuick, one.within(1min, stop.token()), &got);
  one.world.run_for(20ms);
  stop.request_stop();
  one.world.run_until_true([&] { return !got.empty(); }, 1min);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0], nullptr);
  const MonoTime before = one.us.executor().now();
  EXPECT_TRUE(one.world.run(one.us, pool.connection({"peer", kPort}, Lane::kQuick, one.within(1min))));
  EXPECT_LT(one.us.executor().now() - before, Duration(5s));
  one.world.run(one.us, pool.shut_down());
}

}  // namespace
}  // namespace weir::rpc
