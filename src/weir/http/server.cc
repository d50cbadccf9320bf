#include "weir/http/server.h"

#include "weir/http/parser.h"

namespace weir::http {

using runtime::Task;

namespace {
constexpr size_t kReadBytes = 8 * 1024;
constexpr Duration kAcceptPause = 50ms;  // after running out of descriptors

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

std::string head_of(const Response& response, bool keep_alive) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n", response.status,
                                 reason_phrase(response.status), response.content_type, response.body.size(),
                                 keep_alive ? "keep-alive" : "close");
  for (const Field& field : response.fields) head.append(field.name).append(": ").append(field.value).append("\r\n");
  return head.append("\r\n");
}
}  // namespace

// Closes its stream when the server stops or the peer is idle for too long.
struct Server::Connection : ListHook, runtime::Timer {
  explicit Connection(runtime::Stream& stream) : stream(stream) {}
  void on_fire() override { stream.close(); }
  runtime::Stream& stream;
};

Server::Server(runtime::Environment& environment, Handler& handler)
    : environment_(environment), handler_(handler), connections_(environment.executor) {}

Server::~Server() = default;

Task<Result<void>> Server::listen(runtime::Endpoint at) {
  WEIR_CO_TRY(listener_, co_await environment_.network.listen(std::move(at)));
  co_return Result<void>();
}

const runtime::Endpoint& Server::local() const {
  WEIR_ASSERT(listener_ != nullptr);
  return listener_->local();
}

Task<void> Server::serve() {
  WEIR_ASSERT(listener_ != nullptr);
  while (!stopping_) {
    Result<std::unique_ptr<runtime::Stream>> stream = co_await listener_->accept();
    if (!stream) {
      if (stream.error().code() != ErrorCode::kUnavailable) break;
      (void)co_await runtime::sleep_until(environment_.executor, environment_.executor.now() + kAcceptPause);
      continue;
    }
    if (connections_.size() >= kConnectionsMax) continue;  // dropping the stream closes it
    connections_.spawn(&Server::serve_connection, this, std::move(*stream));
  }
  (void)co_await connections_.join();
}

void Server::request_stop() {
  stopping_ = true;
  if (listener_ != nullptr) listener_->close();
  open_.for_each([](Connection& connection) { connection.stream.close(); });
}

Task<void> Server::serve_connection(Server* server, std::unique_ptr<runtime::Stream> stream) {
  runtime::Executor& executor = server->environment_.executor;
  Connection connection(*stream);
  server->open_.push_back(connection);
  RequestParser parser(kHeaderBytesMax, kBodyBytesMax);
  Bytes buffer(kReadBytes);
  for (bool keep_alive = true; keep_alive && !server->stopping_;) {
    executor.arm(connection, executor.now() + kIdleTimeout);
    while (!parser.is_complete() && parser.error_status() == 0) {
      const Result<size_t> count = co_await stream->read_some(buffer);
      if (!count || *count == 0) co_return;
      (void)parser.feed(as_text(ByteView(buffer).first(*count)));
    }
    connection.disarm();
    Response response;
    bool wants_body = true;
    if (parser.error_status() != 0) {
      response = Response{.status = parser.error_status(), .fields = {}, .body = parser.error_text() + "\n"};
      keep_alive = false;
    } else {
      keep_alive = parser.keep_alive();
      Request request = parser.take();
      wants_body = request.method != "HEAD";
      response = co_await server->handler_.handle(std::move(request));
    }
    const std::string head = head_of(response, keep_alive);
    const ByteView parts[] = {as_bytes(head), wants_body ? as_bytes(response.body) : ByteView()};
    executor.arm(connection, executor.now() + kIdleTimeout);
    const Result<void> sent = co_await stream->write_all(parts);
    if (!sent) co_return;
  }
}

}  // namespace weir::http
