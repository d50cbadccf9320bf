// Property: a simulated connection behaves like TCP: bytes in order, an end after what was sent, a reset when one side dies,
// a writer that waits for a slow reader; and faults do what they are called.
#include "weir/runtime/sim/network.h"

#include <gtest/gtest.h>

#include "weir/runtime/sim/world.h"

namespace weir::runtime {
namespace {

struct Outcome {
  Bytes received;
  bool ended = false;
  ErrorCode read_error = ErrorCode::kNone;
  ErrorCode write_error = ErrorCode::kNone;
  ErrorCode connect_error = ErrorCode::kNone;
  bool written = false;
};

Task<void> receive(Environment env, Duration before_each_read, Outcome* outcome) {
  auto listener = co_await env.network.listen({"", 9});
  if (!listener) co_return;
  auto stream = co_await (*listener)->accept();
  if (!stream) co_return;
  Bytes buffer(4000);
  for (;;) {
    if (before_each_read > 0ns) {
      const Result<void> slept = co_await sleep_until(env.executor, env.executor.now() + before_each_read);
      EXPECT_TRUE(slept);
    }
    const Result<size_t> count = co_await (*stream)->read_some(buffer);
    if (!count) outcome->read_error = count.error().code();
    if (count && *count == 0) outcome->ended = true;
    if (!count || *count == 0) co_return;
    outcome->received.insert(outcome->received.end(), buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(*count));
  }
}

Bytes pattern(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 251);
  return bytes;
}

Task<void> send(Environment env, size_t size, Duration then_wait, Outcome* outcome) {
  auto stream = co_await env.network.connect({"server", 9}, Deadline::at(env.executor.now() + 5s));
  if (!stream) {
    outcome->connect_error = stream.error().code();
    co_return;
  }
  const Bytes bytes = pattern(size);
  const ByteView parts[] = {ByteView(bytes).first(size / 3), {}, ByteView(bytes).subspan(size / 3)};
  const Result<void> sent = co_await (*stream)->write_all(parts);
  outcome->written = sent.has_value();
  if (!sent) outcome->write_error = sent.error().code();
  const Result<void> slept = co_await sleep_until(env.executor, env.executor.now() + then_wait);
  EXPECT_TRUE(slept);
}

struct Pair {
  explicit Pair(uint64_t seed, const SimOptions& options = {})
      : world(seed, options), server(world.add_node("server")), client(world.add_node("client")) {}
  SimWorld world;
  SimNode& server;
  SimNode& client;
  Outcome in;
  Outcome out;
};

// Property: over a link that loses, clogs and cuts at any byte, bytes arrive whole and in order, then the end.
TEST(SimNetwork, bytes_arrive_whole_and_in_order) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimOptions options;
    options.network.loss_ppm = 50'000;
    options.network.clog_ppm = 1'000;
    options.network.split_percent = 80;
    Pair t(seed, options);
    t.server.spawn(&receive, t.server.environment(), Duration(0), &t.in);
    t.world.run_for(1ms);
    t.client.spawn(&send, t.client.environment(), size_t{200'000}, Duration(0), &t.out);
    t.world.run_for(10min);
    EXPECT_TRUE(t.out.written);
    EXPECT_TRUE(t.in.ended);
    EXPECT_EQ(t.in.received, pattern(200'000)) << seed;
  }
}

// Property: a writer waits while the window is full, and loses nothing by it.
TEST(SimNetwork, a_slow_reader_holds_up_the_writer) {
  SimOptions options;
  options.network.window_bytes_max = options.network.window_bytes_min = 8000;
  Pair t(1, options);
  t.server.spawn(&receive, t.server.environment(), Duration(1s), &t.in);
  t.world.run_for(1ms);
  t.client.spawn(&send, t.client.environment(), size_t{100'000}, Duration(0), &t.out);
  t.world.run_for(10s);
  EXPECT_FALSE(t.out.written);
  t.world.run_for(10min);
  EXPECT_TRUE(t.out.written);
  EXPECT_EQ(t.in.received, pattern(100'000));
}

// Property: a port where nobody listens refuses.
TEST(SimNetwork, nobody_listens) {
  Pair t(1);
  t.client.spawn(&send, t.client.environment(), size_t{10}, Duration(0), &t.out);
  t.world.run_for(10s);
  EXPECT_EQ(t.out.connect_error, ErrorCode::kConnectionRefused);
}

// Property: over a cut link connects end by their deadline, and bytes arrive when it is mended.
TEST(SimNetwork, a_cut_link_delays_bytes_and_stops_connects) {
  Pair t(1);
  t.server.spawn(&receive, t.server.environment(), Duration(0), &t.in);
  t.world.run_for(1ms);
  t.world.network().cut(t.server.id(), t.client.id());
  t.client.spawn(&send, t.client.environment(), size_t{10}, Duration(0), &t.out);
  t.world.run_for(20s);
  EXPECT_EQ(t.out.connect_error, ErrorCode::kDeadlineExceeded);
  t.world.network().mend_all();
  t.client.spawn(&send, t.client.environment(), size_t{50'000}, Duration(60s), &t.out);
  t.world.run_for(1ms);
  t.world.network().cut(t.client.id(), t.server.id());
  t.world.run_for(30s);
  EXPECT_LT(t.in.received.size(), 50'000u);
  t.world.network().mend_all();
  t.world.run_for(60s);
  EXPECT_EQ(t.in.received, pattern(50'000));
}

// Property: the peer of a crashed node hears a reset: at once, or after a power cut when the machine is up again.
TEST(SimNetwork, a_crash_resets_its_peers) {
  for (const unsigned silent : {0u, 100u}) {
    SimOptions options;
    options.network.silent_crash_percent = silent;
    Pair t(5, options);
    t.server.spawn(&receive, t.server.environment(), Duration(0), &t.in);
    t.world.run_for(1ms);
    t.client.spawn(&send, t.client.environment(), size_t{1000}, Duration(60s), &t.out);
    t.world.run_for(1s);
    EXPECT_EQ(t.in.received.size(), 1000u);
    t.world.crash(t.client);
    t.world.run_for(2ms);
    EXPECT_EQ(t.in.read_error, silent == 0 ? ErrorCode::kConnectionClosed : ErrorCode::kNone);
    t.world.restart(t.client);
    t.world.run_for(60s);
    EXPECT_EQ(t.in.read_error, ErrorCode::kConnectionClosed);
  }
}

// Property: after a reset the bytes read are a prefix of those sent, and some seeds break and some do not.
TEST(SimNetwork, resets_break_connections_inside_frames) {
  size_t broken = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SimOptions options;
    options.network.reset_ppm = 50'000;
    Pair t(seed, options);
    t.server.spawn(&receive, t.server.environment(), Duration(0), &t.in);
    t.world.run_for(1ms);
    t.client.spawn(&send, t.client.environment(), size_t{300'000}, Duration(1s), &t.out);
    t.world.run_for(10min);
    if (t.out.write_error == ErrorCode::kConnectionClosed) ++broken;
    const Bytes expected = pattern(300'000);
    ASSERT_LE(t.in.received.size(), expected.size());
    EXPECT_TRUE(equal(t.in.received, ByteView(expected).first(t.in.received.size())));
  }
  EXPECT_GT(broken, 5u);
  EXPECT_LT(broken, 30u);
}

// Property: a port has one listener at a time; one on loopback is not reached from another node; unknown hosts are errors.
TEST(SimNetwork, ports_are_taken_and_given_back) {
  Pair t(1);
  auto first = t.world.run(t.server, t.server.environment().network.listen({"localhost", 77}));
  ASSERT_TRUE(first);
  const auto second = t.world.run(t.server, t.server.environment().network.listen({"", 77}));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kAddressInUse);
  const auto remote = t.world.run(t.client, t.client.environment().network.connect({"server", 77}, Deadline::never()));
  ASSERT_FALSE(remote) << "loopback is not reachable from another node";
  EXPECT_TRUE(t.world.run(t.server, t.server.environment().network.connect({"127.0.0.1", 77}, Deadline::never())));
  first->reset();
  EXPECT_TRUE(t.world.run(t.server, t.server.environment().network.listen({"", 77})));
  const auto nowhere = t.world.run(t.client, t.client.environment().network.connect({"nowhere", 1}, Deadline::never()));
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace weir::runtime
