// TCP. Every operation first tries its system call and waits for readiness only when there is nothing to do; after
// kInlineOperationsMax such successes in a row the coroutine goes to the back of the loop's queue.
//
// Owner    RealShard.
// Shard    its loop's.
#pragma once

#include <memory>

#include "weir/runtime/network.h"
#include "weir/runtime/real/loop.h"
#include "weir/runtime/real/offload.h"

namespace weir::runtime {

// A connection that always has data must not starve the others of its shard.
inline constexpr int kInlineOperationsMax = 16;
inline constexpr int kListenBacklog = 1024;

// Of the sockets that listen, and of the connections that come by them; -1 leaves a buffer to the system, which adapts it.
struct SocketOptions {
  int backlog = kListenBacklog;
  int send_buffer_bytes = -1;
  int receive_buffer_bytes = -1;
  bool listens = true;  // a probe only takes the address
};

class RealNetwork final : public Network {
 public:
  explicit RealNetwork(RealLoop& loop, SocketOptions sockets = {});
  ~RealNetwork() override;

  Task<Result<std::unique_ptr<Listener>>> listen(Endpoint at) override;
  Task<Result<Endpoint>> probe(Endpoint at) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint to, Deadline deadline) override;

 private:
  Task<Result<std::unique_ptr<Listener>>> open(Endpoint at, SocketOptions sockets);

  RealLoop& loop_;
  SocketOptions sockets_;
  RealOffload resolver_;  // one thread of its own: a name server that does not answer must hold up nothing else
};

}  // namespace weir::runtime
