#include "weir/runtime/real/address.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <cstring>
#include <memory>
#include <optional>

#include "weir/runtime/event.h"

namespace weir::runtime {
namespace {

using AddressesOrError = Result<std::vector<SocketAddress>>;

// Blocks unless `flags` has AI_NUMERICHOST.
AddressesOrError look_up(const Endpoint& endpoint, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &list);
  if (error != 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("cannot find the host \"{}\": {}", endpoint.host, gai_strerror(error)));
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
    addresses.push_back(address);
  }
  freeaddrinfo(list);
  return addresses;
}

// What the look-up and its waiter share; the waiter may give up first.
struct LookUp {
  std::optional<AddressesOrError> found;
  Event done;
};

class LookUpJob final : public DetachedJob {
 public:
  LookUpJob(Endpoint endpoint, std::shared_ptr<LookUp> shared) : endpoint_(std::move(endpoint)), shared_(std::move(shared)) {}
  void run() noexcept override { found_ = look_up(endpoint_, 0); }

 private:
  void finish() noexcept override {
    shared_->found = std::move(found_);
    shared_->done.set();
  }
  Endpoint endpoint_;
  std::shared_ptr<LookUp> shared_;
  std::optional<AddressesOrError> found_;
};

}  // namespace

Endpoint SocketAddress::endpoint() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (family() == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {text, ntohs(v4.sin_port)};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
  else inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return {text, ntohs(v6.sin6_port)};
}

SocketAddress local_address(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  getsockname(fd, address.data(), &address.size);
  return address;
}

SocketAddress peer_address(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  getpeername(fd, address.data(), &address.size);
  return address;
}

Task<AddressesOrError> resolve(RealLoop& loop, RealOffload& resolver, Endpoint endpoint, Deadline deadline) {
  AddressesOrError numeric = look_up(endpoint, AI_NUMERICHOST);
  if (numeric) co_return numeric;
  const auto shared = std::make_shared<LookUp>();
  resolver.submit(loop, std::make_unique<LookUpJob>(endpoint, shared));
  const Result<void> woken = co_await shared->done.wait(loop, deadline);
  if (!woken) {
    co_return fail(woken.error().code(), fmt::format("no answer in time to the question where the host \"{}\" is", endpoint.host));
  }
  co_return std::move(*shared->found);
}

}  // namespace weir::runtime
