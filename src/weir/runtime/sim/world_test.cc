// Property: one seed is one run. Fails when anything but the seed decides what happens: an address, a hash order, a clock.
#include "weir/runtime/sim/world.h"

#include <gtest/gtest.h>

#include "weir/runtime/channel.h"

namespace weir::runtime {
namespace {

// Sends `rounds` numbers and checks that each comes back.
Task<void> ping(Environment env, Endpoint to, int rounds) {
  auto stream = co_await env.network.connect(to, Deadline::at(env.executor.now() + 10s));
  if (!stream) co_return;
  for (int i = 0; i < rounds; ++i) {
    Bytes out(1 + env.random.word() % 3000, static_cast<std::byte>(i));
    const ByteView part(out);
    const Result<void> sent = co_await (*stream)->write_all({&part, 1});
    if (!sent) co_return;
    Bytes back(out.size());
    for (size_t got = 0; got < back.size();) {
      const Result<size_t> count = co_await (*stream)->read_some(MutableBytes(back).subspan(got));
      if (!count || *count == 0) co_return;
      got += *count;
    }
    EXPECT_TRUE(equal(out, back));
    env.log.info("round {} of {} bytes", i, out.size());
    const Result<void> slept = co_await sleep_until(env.executor, env.executor.now() + Duration(env.random.word() % 5'000'000));
    EXPECT_TRUE(slept);
  }
}

Task<void> echo_one(Environment env, std::unique_ptr<Stream> stream) {
  Bytes buffer(1000);
  for (;;) {
    const Result<size_t> count = co_await stream->read_some(buffer);
    if (!count || *count == 0) co_return;
    const ByteView part = ByteView(buffer).first(*count);
    const Result<void> sent = co_await stream->write_all({&part, 1});
    if (!sent) co_return;
    const uint64_t sum = co_await env.offload.run(env.executor, [&] { return static_cast<uint64_t>(part.size()); });
    EXPECT_EQ(sum, part.size());
  }
}

Task<void> echo(Environment env, uint16_t port) {
  TaskGroup connections(env.executor);
  auto listener = co_await env.network.listen({"", port});
  EXPECT_TRUE(listener);
  for (;;) {
    auto stream = co_await (*listener)->accept();
    if (!stream) co_return;
    connections.spawn(&echo_one, env, std::move(*stream));
  }
}

uint64_t fingerprint_of(uint64_t seed) {
  SimOptions options;
  options.network.loss_ppm = 10'000;
  options.network.reset_ppm = 500;
  SimWorld world(seed, options);
  SimNode& server = world.add_node("server");
  server.spawn(&echo, server.environment(), uint16_t{7});
  for (const char* name : {"a", "b", "c"}) {
    SimNode& client = world.add_node(name);
    client.spawn(&ping, client.environment(), Endpoint{"server", 7}, 40);
  }
  world.at(40ms, [&] {
    world.power_cycle(server);
    server.spawn(&echo, server.environment(), uint16_t{7});
  });
  world.at(10ms, [&] { world.pause(world.node(1), 30ms); });
  world.run_for(60s);
  EXPECT_GT(world.events(), 100u);
  return world.fingerprint();
}

// Property: two runs of one seed have one fingerprint.
TEST(SimWorld, one_seed_is_one_run) {
  for (uint64_t seed = 0; seed < 20; ++seed) EXPECT_EQ(fingerprint_of(seed), fingerprint_of(seed)) << seed;
}

// Property: the fingerprint tells runs apart. Fails when it is made of nothing that happens.
TEST(SimWorld, other_seeds_are_other_runs) { EXPECT_NE(fingerprint_of(1), fingerprint_of(2)); }

Task<void> note_times(Environment env, std::vector<Duration> waits, std::vector<int64_t>* late) {
  for (const Duration wait : waits) {
    const MonoTime due = env.executor.now() + wait;
    const Result<void> slept = co_await sleep_until(env.executor, due);
    EXPECT_TRUE(slept);
    late->push_back((env.executor.now() - due).count());
  }
}

// Property: a timer never fires early, whatever the drift of its node's clock, and fires within a turn's cost of its instant.
TEST(SimWorld, timers_fire_not_early_and_not_late) {
  for (const int64_t drift : {-500, -1, 0, 3, 500}) {
    SimWorld world(9);
    SimNode& node = world.add_node("n");
    node.executor().set_drift(drift);
    std::vector<int64_t> late;
    world.run(node, note_times(node.environment(), {1ns, 1ms, 7s, 59min, 0ns}, &late), 120min);
    ASSERT_EQ(late.size(), 5u);
    for (const int64_t ns : late) {
      EXPECT_GE(ns, 0) << drift;
      EXPECT_LT(ns, 100'000) << drift;
    }
  }
}

Task<void> count_up(Environment env, int* count) {
  for (;;) {
    const Result<void> slept = co_await sleep_until(env.executor, env.executor.now() + 1ms);
    EXPECT_TRUE(slept);
    ++*count;
  }
}

// Property: nothing of a node runs after its crash or during its pause. Fails when a scheduled handle or timer survives.
TEST(SimWorld, crash_and_pause_stop_a_node) {
  SimWorld world(3);
  SimNode& node = world.add_node("n");
  int count = 0;
  node.spawn(&count_up, node.environment(), &count);
  world.run_for(100ms);
  EXPECT_GT(count, 80);
  const int before_pause = count;
  world.pause(node, 1s);
  world.run_for(900ms);
  EXPECT_EQ(count, before_pause);
  world.run_for(200ms);
  EXPECT_GT(count, before_pause);
  world.crash(node);
  const int at_crash = count;
  world.run_for(1s);
  EXPECT_EQ(count, at_crash);
  EXPECT_EQ(node.tasks(), 0u);
  world.restart(node);
  EXPECT_EQ(node.incarnation(), 1u);
  world.run_for(1s);
  EXPECT_EQ(count, at_crash);
}

// Property: the wall clock jumps, the monotonic clock does not.
TEST(SimWorld, wall_clock_jumps) {
  SimWorld world(4);
  SimNode& node = world.add_node("n");
  const TimestampMs before = node.environment().clock.wall_ms();
  const MonoTime mono = node.executor().now();
  world.jump_wall_clock(node, -60min);
  EXPECT_EQ(node.environment().clock.wall_ms(), before - 3'600'000);
  EXPECT_EQ(node.executor().now(), mono);
}

}  // namespace
}  // namespace weir::runtime
