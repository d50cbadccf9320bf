// What network.h promises, over loopback TCP and over the simulated network.
#include <fcntl.h>

#include "weir/base/prng.h"
#include "weir/runtime/conformance_test.h"
#include "weir/runtime/event.h"
#include "weir/runtime/real/file.h"

namespace weir::runtime {
namespace {

class NetworkConformance : public Conformance {};
INSTANTIATE_TEST_SUITE_P(Seams, NetworkConformance, conformance_places(), conformance_name);

struct Ends {
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

Deadline soon(Environment& env) { return Deadline::at(env.executor.now() + 60s); }

Task<Ends> connected(Environment& env) {
  Result<std::unique_ptr<Listener>> listener = co_await env.network.listen({"localhost", 0});
  EXPECT_TRUE(listener) << listener.error().describe();
  Result<std::unique_ptr<Stream>> client = co_await env.network.connect((*listener)->local(), soon(env));
  EXPECT_TRUE(client) << client.error().describe();
  Result<std::unique_ptr<Stream>> server = co_await (*listener)->accept();
  EXPECT_TRUE(server) << server.error().describe();
  co_return Ends{std::move(*listener), std::move(*client), std::move(*server)};
}

// Property: bytes arrive whole and in order through partial reads, and the end comes after the last of them.
TEST_P(NetworkConformance, bytes_in_order_then_the_end) {
  run([](Environment env, std::string) -> Task<void> {
    Ends ends = co_await connected(env);
    EXPECT_NE(ends.listener->local().port, 0);
    EXPECT_EQ(ends.client->peer().port, ends.listener->local().port);
    EXPECT_EQ(ends.client->local(), ends.server->peer());
    Prng prng(11);
    Bytes sent(300'000);
    for (std::byte& byte : sent) byte = static_cast<std::byte>(prng.next());
    TaskGroup group(env.executor);
    group.spawn(
        [](Stream* stream, ByteView all) -> Task<void> {
          const ByteView parts[] = {all.first(1), {}, all.subspan(1, 1000), all.subspan(1001)};
          const Result<void> written = co_await stream->write_all(parts);
          EXPECT_TRUE(written);
          stream->close();
        },
        ends.client.get(), ByteView(sent));
    Bytes received;
    Bytes buffer(777);
    for (;;) {
      const Result<size_t> count = co_await ends.server->read_some(buffer);
      EXPECT_TRUE(count) << count.error().describe();
      if (!count || *count == 0) break;
      received.insert(received.end(), buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(*count));
    }
    EXPECT_TRUE(received == sent);
    const Result<size_t> still_the_end = co_await ends.server->read_some(buffer);
    EXPECT_EQ(still_the_end.value_or(99), 0u);
    const Result<void> joined = co_await group.join();
    EXPECT_TRUE(joined);
  });
}

// Property: a range of a file goes out as its bytes would, between what is written before and after it, whether it is in the page
// cache or not and however slowly the peer reads; one that reaches past the end of its file is an error and no silence.
TEST_P(NetworkConformance, a_range_of_a_file) {
  run([](Environment env, std::string dir) -> Task<void> {
    Prng prng(12);
    Bytes content(3'000'000);
    for (std::byte& byte : content) byte = static_cast<std::byte>(prng.next());
    Result<std::unique_ptr<File>> opened = co_await env.disk.open(dir + "/ranged", OpenMode::kCreate);
    EXPECT_TRUE(opened);
    const std::shared_ptr<File> file = std::move(*opened);
    const ByteView all(content);
    const Result<void> stored = co_await file->write_at(0, {&all, 1});
    EXPECT_TRUE(stored);
    const Result<void> synced = co_await file->sync_data();
    EXPECT_TRUE(synced);
    Ends ends = co_await connected(env);
    TaskGroup group(env.executor);
    group.spawn(
        [](Stream* stream, std::shared_ptr<File> ranged) -> Task<void> {
          const ByteView head = as_bytes("head");
          const ByteView tail = as_bytes("tail");
          for (const size_t size : {size_t{1}, size_t{70'000}, size_t{2'900'000}}) {
            if (const auto* real = dynamic_cast<RealFile*>(ranged.get())) {
              // Half of it has left the page cache: the other way.
              EXPECT_EQ(::posix_fadvise(real->fd(), 0, 1'500'000, POSIX_FADV_DONTNEED), 0);
            }
            const Result<void> before = co_await stream->write_all({&head, 1}, true);
            EXPECT_TRUE(before);
            const Result<void> sent = co_await stream->write_file({ranged, 13, size});
            EXPECT_TRUE(sent);
            const Result<void> after = co_await stream->write_all({&tail, 1});
            EXPECT_TRUE(after);
          }
          const Result<void> beyond = co_await stream->write_file({ranged, 2'999'990, 100});
          EXPECT_FALSE(beyond);
          stream->close();
        },
        ends.client.get(), file);
    Bytes received;
    Bytes buffer(50'000);
    for (;;) {
      const Result<size_t> count = co_await ends.server->read_some(buffer);
      if (!count || *count == 0) break;
      received.insert(received.end(), buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(*count));
    }
    Bytes expected;
    const auto add = [&](ByteView bytes) { expected.insert(expected.end(), bytes.begin(), bytes.end()); };
    for (const size_t size : {size_t{1}, size_t{70'000}, size_t{2'900'000}}) {
      add(as_bytes("head"));
      add(all.subspan(13, size));
      add(as_bytes("tail"));
    }
    EXPECT_GE(received.size(), expected.size());
    received.resize(std::min(received.size(), expected.size()));   // what came of the last range
    EXPECT_TRUE(received == expected);
    const Result<void> joined = co_await group.join();
    EXPECT_TRUE(joined);
  });
}

// Property: close ends what is pending and refuses what follows, with kConnectionClosed; twice is fine.
TEST_P(NetworkConformance, close_ends_everything) {
  run([](Environment env, std::string) -> Task<void> {
    Ends ends = co_await connected(env);
    TaskGroup group(env.executor);
    int closed = 0;
    group.spawn(
        [](Stream* stream, int* closed) -> Task<void> {
          std::byte buffer[16];
          const Result<size_t> count = co_await stream->read_some(buffer);
          if (!count && count.error().code() == ErrorCode::kConnectionClosed) ++*closed;
        },
        ends.client.get(), &closed);
    group.spawn(
        [](Stream* stream, int* closed) -> Task<void> {
          const Bytes much(32 << 20);
          const ByteView part(much);
          const Result<void> written = co_await stream->write_all({&part, 1});
          if (!written && written.error().code() == ErrorCode::kConnectionClosed) ++*closed;
        },
        ends.client.get(), &closed);
    group.spawn(
        [](Listener* listener, int* closed) -> Task<void> {
          const Result<std::unique_ptr<Stream>> stream = co_await listener->accept();
          if (!stream && stream.error().code() == ErrorCode::kConnectionClosed) ++*closed;
        },
        ends.listener.get(), &closed);
    const Result<void> slept = co_await sleep_until(env.executor, env.executor.now() + 10ms);
    EXPECT_TRUE(slept);
    EXPECT_EQ(closed, 0);
    ends.client->close();
    ends.client->close();
    ends.listener->close();
    const Result<void> joined = co_await group.join(soon(env));
    EXPECT_TRUE(joined);
    EXPECT_EQ(closed, 3);
    std::byte buffer[16];
    const Result<size_t> read = co_await ends.client->read_some(buffer);
    EXPECT_EQ(read.error().code(), ErrorCode::kConnectionClosed);
    const ByteView part = as_bytes("x");
    const Result<void> written = co_await ends.client->write_all({&part, 1});
    EXPECT_EQ(written.error().code(), ErrorCode::kConnectionClosed);
  });
}

// Property: a port without listener refuses, a taken one says so.
TEST_P(NetworkConformance, refused_and_in_use) {
  run([](Environment env, std::string) -> Task<void> {
    Result<std::unique_ptr<Listener>> listener = co_await env.network.listen({"localhost", 0});
    EXPECT_TRUE(listener);
    const Endpoint at = (*listener)->local();
    const Result<std::unique_ptr<Listener>> again = co_await env.network.listen(at);
    EXPECT_FALSE(again);
    EXPECT_EQ(again.error().code(), ErrorCode::kAddressInUse);
    listener->reset();
    const Result<std::unique_ptr<Stream>> refused = co_await env.network.connect(at, soon(env));
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kConnectionRefused);
    const Result<std::unique_ptr<Listener>> free_again = co_await env.network.listen(at);
    EXPECT_TRUE(free_again) << free_again.error().describe();
  });
}

}  // namespace
}  // namespace weir::runtime
