// The server as its clients see it, in the simulated world: 60 s of idleness take no time.
#include "weir/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/runtime/sim/world.h"

namespace weir::http {
namespace {

using runtime::Environment;
using runtime::Task;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Echo final : public Handler {
 public:
  Task<Response> handle(Request request) override {
    co_return Response{.fields = {}, .body = request.method + " " + request.target + " " + request.body};
  }
};

Task<void> serve(Server* server) {
  const Result<void> listening = co_await server->listen({"", 80});
  EXPECT_TRUE(listening);
  co_await server->serve();
}

// Sends `request` and reads until the server ends the connection.
Task<std::string> ask(Environment env, std::string request) {
  const auto stream = co_await env.network.connect({"server", 80}, Deadline::never());
  EXPECT_TRUE(stream);
  const ByteView part = as_bytes(request);
  const Result<void> sent = co_await (*stream)->write_all({&part, 1});
  EXPECT_TRUE(sent);
  std::string answer;
  Bytes buffer(1000);
  for (;;) {
    const Result<size_t> count = co_await (*stream)->read_some(buffer);
    if (!count || *count == 0) co_return answer;
    answer += as_text(ByteView(buffer).first(*count));
  }
}

struct ServerTest : testing::Test {
  ServerTest() {
    node.spawn(&serve, &server);
    world.run_for(1ms);
  }
  ~ServerTest() override {
    server.request_stop();
    world.run_for(1s);
    EXPECT_EQ(node.tasks(), 0u) << "serve() did not return";
  }
  std::string answer_to(std::string request) { return world.run(client, ask(client.environment(), std::move(request))); }

  int ended = 0;   // of what a test spawns; before the world, whose tasks outlive the test's body
  runtime::SimWorld world{1};
  runtime::SimNode& node = world.add_node("server");
  runtime::SimNode& client = world.add_node("client");
  Environment environment = node.environment();
  Echo handler;
  Server server{environment, handler};
};

// Property: requests sent at once are answered in order, and HEAD is answered without a body although its length is told. Fails when
// a body follows: a client that keeps the connection takes it for the next answer.
TEST_F(ServerTest, pipelined_requests_and_head) {
  const std::string answer = answer_to(
      "HEAD /one HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /two HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 10\r\nConnection: keep-alive\r\n\r\nHTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("HEAD /one")));
  EXPECT_THAT(answer, testing::EndsWith("Connection: close\r\n\r\nGET /two "));
}

// Property: garbage that came together with a good request is refused right after its answer. Fails when the server reads on first:
// the client then hears nothing before the idle timeout.
TEST_F(ServerTest, garbage_behind_a_request_is_answered_at_once) {
  const MonoTime began = world.now();
  const std::string answer = answer_to("GET /one HTTP/1.1\r\nHost: a\r\n\r\n\x01\x02 garbage\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_LT(world.now() - began, Duration(5s));
}

// Property: a body above the bound is refused before it is read.
TEST_F(ServerTest, a_large_body_is_refused) {
  EXPECT_THAT(answer_to(fmt::format("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", Server::kBodyBytesMax + 1)),
              StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
}

// Property: who sends half a request and falls silent is let go after kIdleTimeout, not before. Fails when such connections pile up.
TEST_F(ServerTest, a_silent_client_is_let_go) {
  const MonoTime began = world.now();
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHo"), "");
  const Duration patience = world.now() - began;
  EXPECT_GT(patience, Server::kIdleTimeout - 1s);
  EXPECT_LT(patience, Server::kIdleTimeout + 1s);
}

// Property: of more clients than kConnectionsMax the last are turned away at once, and the others still served.
TEST_F(ServerTest, connections_are_bounded) {
  for (size_t i = 0; i < Server::kConnectionsMax + 3; ++i) {
    client.spawn(
        [](Environment env, int* ended) -> Task<void> {
          (void)co_await ask(env, "GET / HTTP/1.1\r\nHo");
          ++*ended;
        },
        client.environment(), &ended);
    world.run_for(2ms);
  }
  world.run_for(1s);
  EXPECT_EQ(ended, 3);
}

}  // namespace
}  // namespace weir::http
