// TCP over loopback: what Stream and Listener promise.
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/prng.h"
#include "weir/runtime/event.h"
#include "weir/runtime/real/address.h"
#include "weir/runtime/real/listener.h"
#include "weir/runtime/real/network.h"
#include "weir/runtime/real/process.h"

namespace weir::runtime {
namespace {

using testing::HasSubstr;

struct Pair {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

Task<Pair> connected(Environment& env) {
  const Result<std::unique_ptr<Listener>> listener = co_await env.network.listen({"127.0.0.1", 0});
  EXPECT_TRUE(listener) << listener.error().describe();
  Result<std::unique_ptr<Stream>> client = co_await env.network.connect((*listener)->local(), Deadline::never());
  EXPECT_TRUE(client) << client.error().describe();
  Result<std::unique_ptr<Stream>> server = co_await (*listener)->accept();
  EXPECT_TRUE(server) << server.error().describe();
  co_return Pair{std::move(*client), std::move(*server)};
}

int run(Task<int> (*test)(Environment&)) {
  RealProcess process;
  return process.run(test);
}

Task<Result<size_t>> read_exactly(Stream& stream, MutableBytes into) {
  size_t count = 0;
  while (count < into.size()) {
    WEIR_CO_TRY(const size_t some, co_await stream.read_some(into.subspan(count)));
    if (some == 0) break;
    count += some;
  }
  co_return count;
}

Task<void> echo(Stream* stream) {
  Bytes buffer(4096);
  for (;;) {
    const Result<size_t> count = co_await stream->read_some(buffer);
    if (!count || *count == 0) break;
    const ByteView part(buffer.data(), *count);
    const Result<void> written = co_await stream->write_all({&part, 1});
    if (!written) break;
  }
  stream->close();
}

// Property: an 8 MiB write in 3,000 parts of every size, 0 included, arrives whole and in order through a peer that reads
// little at a time. Fails when a short sendmsg loses its place, or a wake-up for writability is lost (then it hangs).
TEST(RealNetwork, large_gathered_writes_arrive_in_order) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              Pair pair = co_await connected(env);
              TaskGroup group(env.executor);
              group.spawn(echo, pair.server.get());
              Prng prng(7);
              Bytes sent(8 << 20);
              for (std::byte& byte : sent) byte = static_cast<std::byte>(prng.next());
              static std::vector<ByteView> parts;
              parts.clear();
              for (size_t at = 0; at < sent.size();) {
                const size_t size = std::min<size_t>(prng.below(sent.size() / 1500), sent.size() - at);
                parts.emplace_back(sent.data() + at, size);
                at += size;
              }
              group.spawn(
                  [](Stream* stream) -> Task<void> {
                    const Result<void> written = co_await stream->write_all(parts);
                    EXPECT_TRUE(written);
                  },
                  pair.client.get());
              Bytes received(sent.size());
              const Result<size_t> count = co_await read_exactly(*pair.client, received);
              pair.client->close();
              const Result<void> joined = co_await group.join();
              EXPECT_TRUE(joined);
              co_return count && *count == sent.size() && received == sent ? 0 : 1;
            }),
            0);
}

// Reads until `into` is full, each time saying that less than `worth_waking` is not worth it; how many reads gave bytes.
Task<int> count_reads(Stream& stream, MutableBytes into, size_t worth_waking) {
  int reads = 0;
  while (!into.empty()) {
    const Result<size_t> count = co_await stream.read_some(into, std::min(worth_waking, into.size()));
    EXPECT_TRUE(count);
    if (!count || *count == 0) break;
    ++reads;
    into = into.subspan(*count);
  }
  co_return reads;
}

// Property: who has no use for less than all of 256 KiB is not woken for each of 64 packets of it, and gets every byte; who takes
// what comes is; and after a large read a single byte wakes again. Fails when the low-water mark is not set, or not taken back.
TEST(RealNetwork, a_large_read_wakes_once_for_many_packets) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              constexpr size_t kPiece = 4 << 10;
              constexpr int kPieces = 64;
              Pair pair = co_await connected(env);
              TaskGroup group(env.executor);
              Bytes received(kPiece * kPieces);
              int reads[3] = {};
              for (int round = 0; round < 3; ++round) {
                const bool in_one = round == 1;
                group.spawn(
                    [](Environment* env, Stream* stream) -> Task<void> {
                      const Bytes piece(kPiece, std::byte{7});
                      const ByteView part(piece);
                      for (int i = 0; i < kPieces; ++i) {
                        const Result<void> written = co_await stream->write_all({&part, 1});
                        EXPECT_TRUE(written);
                        co_await sleep_until(env->executor, env->executor.now() + 1ms);
                      }
                    },
                    &env, pair.client.get());
                std::ranges::fill(received, std::byte{0});
                reads[round] = co_await count_reads(*pair.server, received, in_one ? received.size() : 1);
                EXPECT_EQ(std::ranges::count(received, std::byte{7}), std::ssize(received));
              }
              const Result<void> joined = co_await group.join();
              EXPECT_TRUE(joined);
              EXPECT_GE(reads[0], kPieces / 2);
              EXPECT_LE(reads[1], kPieces / 8);  // more than one: the kernel also wakes when its buffer is full
              EXPECT_GE(reads[2], kPieces / 2);
              co_return 0;
            }),
            0);
}

// Property: a peer that ends, or resets, before all of a large read has come wakes who waits for it: with what there is, and then
// the end or the error.
TEST(RealNetwork, a_large_read_is_ended_by_the_end) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              Bytes buffer(256 << 10);
              for (const bool resets : {false, true}) {
                Pair pair = co_await connected(env);
                if (resets) {
                  const ByteView unread = as_bytes("unread");
                  const Result<void> sent = co_await pair.server->write_all({&unread, 1});
                  EXPECT_TRUE(sent);
                }
                TaskGroup group(env.executor);
                group.spawn(
                    [](Environment* env, Stream* stream) -> Task<void> {
                      co_await sleep_until(env->executor, env->executor.now() + 5ms);  // the read waits, with its mark set
                      const ByteView part = as_bytes("part");
                      const Result<void> written = co_await stream->write_all({&part, 1});
                      EXPECT_TRUE(written);
                      co_await sleep_until(env->executor, env->executor.now() + 5ms);
                      stream->close();  // a reset where bytes are unread
                    },
                    &env, pair.client.get());
                const Result<size_t> first = co_await pair.server->read_some(buffer, buffer.size());
                EXPECT_EQ(first.value_or(99), 4u);
                const Result<size_t> end = co_await pair.server->read_some(buffer, buffer.size());
                EXPECT_EQ(end.has_value(), !resets);
                EXPECT_EQ(end.value_or(0), 0u);
                const Result<void> joined = co_await group.join();
                EXPECT_TRUE(joined);
              }
              co_return 0;
            }),
            0);
}

// Property: a peer that ends gives 0 after its last byte; a reset gives kConnectionClosed with a sentence.
TEST(RealNetwork, end_and_reset_are_told_apart) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              Pair ends = co_await connected(env);
              const ByteView bye = as_bytes("bye");
              const Result<void> written = co_await ends.server->write_all({&bye, 1});
              EXPECT_TRUE(written);
              ends.server->close();
              Bytes buffer(100);
              const Result<size_t> three = co_await ends.client->read_some(buffer);
              const Result<size_t> end = co_await ends.client->read_some(buffer);
              const Result<size_t> again = co_await ends.client->read_some(buffer);
              EXPECT_EQ(three.value_or(99), 3u);
              EXPECT_EQ(end.value_or(99), 0u);
              EXPECT_EQ(again.value_or(99), 0u);

              Pair resets = co_await connected(env);
              const Result<void> unread = co_await resets.server->write_all({&bye, 1});
              EXPECT_TRUE(unread);
              co_await sleep_until(env.executor, env.executor.now() + 5ms);
              resets.client->close();  // with a byte unread: the kernel answers with a reset
              const Result<size_t> reset = co_await resets.server->read_some(buffer);
              EXPECT_FALSE(reset);
              EXPECT_EQ(reset.error().code(), ErrorCode::kConnectionClosed);
              EXPECT_THAT(reset.error().message(), HasSubstr("127.0.0.1:"));
              co_return 0;
            }),
            0);
}

// Property: "localhost" serves both address families on one port, and says so by name.
TEST(RealNetwork, localhost_listens_on_both_families) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              const Result<std::unique_ptr<Listener>> listener = co_await env.network.listen({"localhost", 0});
              EXPECT_TRUE(listener) << listener.error().describe();
              const uint16_t port = (*listener)->local().port;
              EXPECT_NE(port, 0);
              const Result<std::unique_ptr<Stream>> v4 = co_await env.network.connect({"127.0.0.1", port}, Deadline::never());
              EXPECT_TRUE(v4) << v4.error().describe();
              const Result<std::unique_ptr<Stream>> first = co_await (*listener)->accept();
              EXPECT_TRUE(first);
              EXPECT_EQ((*first)->peer(), (*v4)->local());
              const Result<std::unique_ptr<Stream>> v6 = co_await env.network.connect({"::1", port}, Deadline::never());
              if (!v6) co_return 0;  // a machine without IPv6
              const Result<std::unique_ptr<Stream>> second = co_await (*listener)->accept();
              EXPECT_TRUE(second);
              EXPECT_EQ((*second)->peer().host, "::1");
              const Result<std::unique_ptr<Stream>> by_name = co_await env.network.connect({"localhost", port}, Deadline::never());
              EXPECT_TRUE(by_name) << by_name.error().describe();
              co_return 0;
            }),
            0);
}

// Property: a taken port names the address, and that it is our own; tests/cli/run sees another process named.
TEST(RealNetwork, address_in_use_names_the_holder) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              const Result<std::unique_ptr<Listener>> first = co_await env.network.listen({"127.0.0.1", 0});
              EXPECT_TRUE(first);
              const Endpoint taken = (*first)->local();
              for (const std::string host : {"127.0.0.1", "localhost"}) {
                const Result<std::unique_ptr<Listener>> second = co_await env.network.listen({host, taken.port});
                EXPECT_FALSE(second);
                EXPECT_EQ(second.error().code(), ErrorCode::kAddressInUse);
                EXPECT_THAT(second.error().message(), HasSubstr(fmt::format("cannot listen on {}: another listener of this process is there", taken.text())));
              }
              co_return 0;
            }),
            0);
}

// Property: a probe finds a free port, and refuses a taken one as listening would. Fails when it does not look at the address.
TEST(RealNetwork, a_probe_says_what_listening_would) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              for (const std::string host : {"127.0.0.1", "localhost", ""}) {
                const Result<Endpoint> free = co_await env.network.probe({host, 0});
                EXPECT_TRUE(free) << free.error().describe();
                EXPECT_NE(free->port, 0);
                const Result<std::unique_ptr<Listener>> listener = co_await env.network.listen(*free);
                EXPECT_TRUE(listener) << listener.error().describe();
                const Result<Endpoint> taken = co_await env.network.probe(*free);
                EXPECT_FALSE(taken);
                EXPECT_EQ(taken.error().code(), ErrorCode::kAddressInUse);
              }
              co_return 0;
            }),
            0);
}

// Property: nobody connects to the socket of a probe: a client that came would be reset when the probe ends. Fails when it listens.
TEST(RealNetwork, nobody_connects_to_a_probe) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              SocketAddress address;
              auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
              v4.sin_family = AF_INET;
              v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
              address.size = sizeof v4;
              const Result<int> fd = open_listening_socket(address, false, {.listens = false});
              EXPECT_TRUE(fd) << fd.error().describe();
              const Result<std::unique_ptr<Stream>> client = co_await env.network.connect(local_address(*fd).endpoint(), Deadline::never());
              EXPECT_FALSE(client);
              EXPECT_EQ(client.error().code(), ErrorCode::kConnectionRefused);
              ::close(*fd);
              co_return 0;
            }),
            0);
}

// Property: refused, unknown and silent peers are three errors with the address in each.
TEST(RealNetwork, connect_errors) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              Endpoint gone;
              {
                const Result<std::unique_ptr<Listener>> listener = co_await env.network.listen({"127.0.0.1", 0});
                gone = (*listener)->local();
              }
              const Result<std::unique_ptr<Stream>> refused = co_await env.network.connect(gone, Deadline::never());
              EXPECT_FALSE(refused);
              EXPECT_EQ(refused.error().code(), ErrorCode::kConnectionRefused);
              EXPECT_THAT(refused.error().message(), HasSubstr(gone.text()));
              const Result<std::unique_ptr<Stream>> unknown = co_await env.network.connect({"no.such.host.invalid", 1}, Deadline::never());
              EXPECT_FALSE(unknown);
              EXPECT_EQ(unknown.error().code(), ErrorCode::kInvalidArgument);
              // A full backlog: the kernel drops what else comes.
              SocketAddress address;
              auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
              v4.sin_family = AF_INET;
              v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
              address.size = sizeof v4;
              const Result<int> deaf = open_listening_socket(address, false, {.backlog = 0});
              EXPECT_TRUE(deaf) << deaf.error().describe();
              const Endpoint silent = local_address(*deaf).endpoint();
              const Result<std::unique_ptr<Stream>> fills = co_await env.network.connect(silent, Deadline::never());
              EXPECT_TRUE(fills) << fills.error().describe();
              const Result<std::unique_ptr<Stream>> slow = co_await env.network.connect(silent, Deadline::at(env.executor.now() + 20ms));
              EXPECT_FALSE(slow);
              EXPECT_EQ(slow.error().code(), ErrorCode::kDeadlineExceeded);
              EXPECT_THAT(slow.error().message(), HasSubstr(silent.text()));
              ::close(*deaf);
              co_return 0;
            }),
            0);
}

Task<void> connect_soon(Environment* env, Endpoint to, Deadline deadline, bool* fine) {
  const Result<std::unique_ptr<Stream>> stream = co_await env->network.connect(to, deadline);
  *fine = stream || stream.error().code() == ErrorCode::kDeadlineExceeded;
}

// Property: a connection that is made and whose deadline passes while the loop is busy elsewhere is one or the other. Fails when
// the deadline closes a socket that is then taken for connected.
TEST(RealNetwork, a_connect_that_is_ready_and_late_at_once) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              const Result<std::unique_ptr<Listener>> listener = co_await env.network.listen({"127.0.0.1", 0});
              for (int round = 0; round < 5; ++round) {
                bool fine = false;
                TaskGroup group(env.executor);
                group.spawn(&connect_soon, &env, (*listener)->local(), Deadline::at(env.executor.now() + 1ms), &fine);
                // Resolving has gone through another thread by then: the connect begins, and this turn is long.
                for (int turn = 0; turn < 3; ++turn) {
                  const int64_t until = env.clock.wall_ms() + 4;
                  while (env.clock.wall_ms() < until) {}
                  co_await yield(env.executor);
                }
                (void)co_await group.join();
                EXPECT_TRUE(fine);
              }
              co_return 0;
            }),
            0);
}

// Property: running out of descriptors is kUnavailable, and the listener goes on afterwards.
TEST(RealNetwork, accept_survives_running_out_of_descriptors) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              const Result<std::unique_ptr<Listener>> listener = co_await env.network.listen({"127.0.0.1", 0});
              const Result<std::unique_ptr<Stream>> client = co_await env.network.connect((*listener)->local(), Deadline::never());
              EXPECT_TRUE(client);
              rlimit before;
              getrlimit(RLIMIT_NOFILE, &before);
              const int next = ::dup(0);
              ::close(next);
              const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
              setrlimit(RLIMIT_NOFILE, &none);
              const Result<std::unique_ptr<Stream>> starved = co_await (*listener)->accept();
              setrlimit(RLIMIT_NOFILE, &before);
              EXPECT_FALSE(starved);
              EXPECT_EQ(starved.error().code(), ErrorCode::kUnavailable);
              const Result<std::unique_ptr<Stream>> served = co_await (*listener)->accept();
              EXPECT_TRUE(served);
              co_return 0;
            }),
            0);
}

// Property: a connection that always has data does not starve another on the same loop. Fails when reads that complete at
// once are unbounded: the counter then never moves while the flood lasts.
TEST(RealNetwork, a_busy_connection_leaves_room_for_others) {
  EXPECT_EQ(run([](Environment& env) -> Task<int> {
              Pair pair = co_await connected(env);
              const Bytes flood(1 << 20);
              const ByteView part(flood);
              TaskGroup group(env.executor);
              bool done = false;
              int turns = 0;
              group.spawn(
                  [](Environment* env, bool* done, int* turns) -> Task<void> {
                    for (; !*done; ++*turns) co_await yield(env->executor);
                  },
                  &env, &done, &turns);
              group.spawn(
                  [](Stream* stream, ByteView part) -> Task<void> {
                    const Result<void> written = co_await stream->write_all({&part, 1});
                    EXPECT_TRUE(written);
                  },
                  pair.server.get(), part);
              std::byte small[512];
              size_t total = 0;
              while (total < flood.size()) {
                const Result<size_t> count = co_await pair.client->read_some(small);
                total += count.value_or(0);
              }
              done = true;
              const Result<void> joined = co_await group.join();
              EXPECT_TRUE(joined);
              co_return turns > 50 ? 0 : turns + 1;
            }),
            0);
}

}  // namespace
}  // namespace weir::runtime
