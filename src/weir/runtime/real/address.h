// Socket addresses: text, and look-up of names.
#pragma once

#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "weir/runtime/network.h"
#include "weir/runtime/real/loop.h"
#include "weir/runtime/real/offload.h"

namespace weir::runtime {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  // The numeric address; an IPv4 address in IPv6 clothes is shown as IPv4.
  Endpoint endpoint() const;
};

SocketAddress local_address(int fd);
SocketAddress peer_address(int fd);

// Every address of `host`; a numeric one needs no look-up. Looks up on `resolver` and gives up at `deadline`.
// Errors: kInvalidArgument (no such host), kDeadlineExceeded.
Task<Result<std::vector<SocketAddress>>> resolve(RealLoop& loop, RealOffload& resolver, Endpoint endpoint, Deadline deadline);

}  // namespace weir::runtime
