// Listening TCP sockets (one, or two for "localhost") as a Listener.
#pragma once

#include <vector>

#include "weir/runtime/network.h"
#include "weir/runtime/real/address.h"
#include "weir/runtime/real/loop.h"

namespace weir::runtime {

class RealListener final : public Listener {
 public:
  explicit RealListener(Endpoint local) : local_(std::move(local)) {}

  // Takes the listening, non-blocking `fd`.
  void add(RealLoop& loop, int fd) { watches_.push_back(std::make_unique<FdWatch>(loop, fd)); }

  Task<Result<std::unique_ptr<Stream>>> accept() override;
  void close() override {
    for (const auto& watch : watches_) watch->close();
  }
  const Endpoint& local() const override { return local_; }

 private:
  class AnyReady;

  Endpoint local_;
  std::vector<std::unique_ptr<FdWatch>> watches_;
  size_t next_ = 0;  // takes turns between the sockets
  int inline_accepts_ = 0;
};

struct SocketOptions;

// A socket that listens at `address`. Errors: see Network::listen.
Result<int> open_listening_socket(const SocketAddress& address, bool ipv6_only, const SocketOptions& options);

}  // namespace weir::runtime
