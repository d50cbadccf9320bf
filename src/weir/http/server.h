// An HTTP/1.1 server over the Network seam: keep-alive, bounded requests, one handler for all targets.
//
// Owner    node. Stop by request_stop() and then join the group that runs `serve`.
// Bounds   kConnectionsMax connections at once (more are closed at once), kHeaderBytesMax, kBodyBytesMax (answered 413),
//          kIdleTimeout for each request to arrive and for each answer to be taken.
#pragma once

#include <cstddef>
#include <memory>

#include "weir/http/message.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/task_group.h"

namespace weir::http {

// Answers requests. Called from several connections at once (on one shard). An answer to HEAD is made as for GET: the server
// sends its head only. While a handler is at work nothing ends its connection but the handler: it bounds its own waits.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual runtime::Task<Response> handle(Request request) = 0;
};

class Server {
 public:
  static constexpr size_t kConnectionsMax = 256;
  static constexpr size_t kHeaderBytesMax = 16 * 1024;
  static constexpr size_t kBodyBytesMax = 1024 * 1024;
  static constexpr Duration kIdleTimeout = 60s;

  // `handler` and `environment` outlive the server.
  Server(runtime::Environment& environment, Handler& handler);
  ~Server();

  // Opens the port. Errors: those of Network::listen.
  runtime::Task<Result<void>> listen(runtime::Endpoint at);
  // The address listened on; the port is the real one when 0 was asked.
  const runtime::Endpoint& local() const;

  // Accepts until stopped; returns when every connection has ended.
  runtime::Task<void> serve();
  // Closes the listener and every connection.
  void request_stop();

 private:
  struct Connection;
  static runtime::Task<void> serve_connection(Server* server, std::unique_ptr<runtime::Stream> stream);

  runtime::Environment& environment_;
  Handler& handler_;
  std::unique_ptr<runtime::Listener> listener_;
  runtime::TaskGroup connections_;
  IntrusiveList<Connection> open_;
  bool stopping_ = false;
};

}  // namespace weir::http
