#include "weir/runtime/real/network.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "weir/runtime/real/address.h"
#include "weir/runtime/real/listener.h"
#include "weir/runtime/real/stream.h"

namespace weir::runtime {
namespace {

// With port 0, ::1 may have another listener on the port that 127.0.0.1 was given: then try again with another port.
constexpr int kPortAttemptsMax = 8;

SocketAddress ipv4_address(uint32_t host, uint16_t port) {
  SocketAddress address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(host);
  v4.sin_port = htons(port);
  address.size = sizeof v4;
  return address;
}

SocketAddress ipv6_address(const in6_addr& host, uint16_t port) {
  SocketAddress address;
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = host;
  v6.sin6_port = htons(port);
  address.size = sizeof v6;
  return address;
}

std::unique_ptr<Listener> make_listener(RealLoop& loop, std::string host, std::span<const int> fds) {
  auto listener = std::make_unique<RealListener>(Endpoint{std::move(host), local_address(fds[0]).endpoint().port});
  for (const int fd : fds) listener->add(loop, fd);
  return listener;
}

Result<std::unique_ptr<Listener>> listen_localhost(RealLoop& loop, uint16_t port, const SocketOptions& sockets) {
  for (int attempt = 1;; ++attempt) {
    WEIR_TRY(const int v4, open_listening_socket(ipv4_address(INADDR_LOOPBACK, port), false, sockets));
    const Result<int> v6 = open_listening_socket(ipv6_address(in6addr_loopback, local_address(v4).endpoint().port), true, sockets);
    if (v6) return make_listener(loop, "localhost", std::array{v4, *v6});
    if (v6.error().code() != ErrorCode::kAddressInUse) return make_listener(loop, "localhost", std::array{v4});  // no IPv6
    ::close(v4);
    if (port != 0 || attempt == kPortAttemptsMax) return fail(v6.error());
  }
}

Result<std::unique_ptr<Listener>> listen_everywhere(RealLoop& loop, uint16_t port, const SocketOptions& sockets) {
  const Result<int> v6 = open_listening_socket(ipv6_address(in6addr_any, port), false, sockets);
  if (v6) return make_listener(loop, "", std::array{*v6});
  if (v6.error().code() == ErrorCode::kAddressInUse || v6.error().code() == ErrorCode::kPermissionDenied) return fail(v6.error());
  WEIR_TRY(const int v4, open_listening_socket(ipv4_address(INADDR_ANY, port), false, sockets));
  return make_listener(loop, "", std::array{v4});
}

// Closes the socket when the deadline has passed; the waiting coroutine then sees it closed.
class ConnectTimeout final : public Timer {
 public:
  explicit ConnectTimeout(FdWatch& watch) : watch_(watch) {}
  void on_fire() override { watch_.close(); }

 private:
  FdWatch& watch_;
};

std::unexpected<Error> connect_failure(const Endpoint& to, int error) {
  return fail(ErrorCode::kConnectionRefused, fmt::format("cannot connect to {}: {}", to.text(), std::strerror(error)));
}

// The connected socket, the caller's to close.
Task<Result<int>> connect_one(RealLoop& loop, Endpoint to, SocketAddress address, Deadline deadline) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return connect_failure(to, errno);
  if (::connect(fd, address.data(), address.size) == 0) co_return fd;
  if (errno != EINPROGRESS && errno != EINTR) {
    const int error = errno;
    ::close(fd);
    co_return connect_failure(to, error);
  }
  FdWatch watch(loop, fd);
  if (!watch.is_open()) co_return connect_failure(to, ENOMEM);
  ConnectTimeout timeout(watch);
  if (deadline.when != kFarFuture) loop.arm(timeout, deadline.when);
  const bool open = co_await watch.ready(FdWatch::kWrite);
  // In one turn it may have become ready and then too late: the socket is closed then.
  if (!open || !watch.is_open()) co_return fail(ErrorCode::kDeadlineExceeded, fmt::format("cannot connect to {}: no answer in time", to.text()));
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) co_return connect_failure(to, error);
  co_return watch.release();
}

// Of the time that is left, what one of `untried` addresses may take: the first may be in a network that this machine does not reach,
// and would otherwise use up what the others need, every time.
Deadline share_of(Deadline deadline, MonoTime now, size_t untried) {
  WEIR_ASSERT(untried > 0);
  if (deadline.when == kFarFuture || deadline.when <= now) return deadline;
  return Deadline::at(now + (deadline.when - now) / static_cast<int64_t>(untried));
}

}  // namespace

RealNetwork::RealNetwork(RealLoop& loop, SocketOptions sockets) : loop_(loop), sockets_(sockets), resolver_(1, "resolver") {
  ::signal(SIGPIPE, SIG_IGN);  // a peer that went away is an error of the write, not of the process
}

RealNetwork::~RealNetwork() = default;

Task<Result<std::unique_ptr<Listener>>> RealNetwork::open(Endpoint at, SocketOptions sockets) {
  if (at.host == "localhost") co_return listen_localhost(loop_, at.port, sockets);
  if (at.host.empty()) co_return listen_everywhere(loop_, at.port, sockets);
  WEIR_CO_TRY(const auto addresses, co_await resolve(loop_, resolver_, at, Deadline::never()));
  WEIR_CO_TRY(const int fd, open_listening_socket(addresses.front(), true, sockets));
  co_return make_listener(loop_, at.host, std::array{fd});
}

Task<Result<std::unique_ptr<Listener>>> RealNetwork::listen(Endpoint at) {
  auto listener = co_await open(std::move(at), sockets_);
  co_return listener;
}

Task<Result<Endpoint>> RealNetwork::probe(Endpoint at) {
  SocketOptions sockets = sockets_;
  sockets.listens = false;
  WEIR_CO_TRY(const auto taken, co_await open(std::move(at), sockets));
  co_return taken->local();
}

Task<Result<std::unique_ptr<Stream>>> RealNetwork::connect(Endpoint to, Deadline deadline) {
  WEIR_CO_TRY(const auto addresses, co_await resolve(loop_, resolver_, to, deadline));
  std::optional<Error> last;
  size_t untried = addresses.size();
  for (const SocketAddress& address : addresses) {
    const Result<int> fd = co_await connect_one(loop_, to, address, share_of(deadline, loop_.now(), untried--));
    if (fd) {
      auto stream = std::make_unique<RealStream>(loop_, *fd);
      co_return stream;
    }
    last = fd.error();
    if (deadline.when <= loop_.now()) break;
  }
  WEIR_ASSERT(last.has_value());
  co_return fail(*last);
}

}  // namespace weir::runtime
