#include "weir/runtime/real/listener.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "weir/runtime/real/holder.h"
#include "weir/runtime/real/network.h"
#include "weir/runtime/real/stream.h"

namespace weir::runtime {

// Waits until one of the sockets has a connection, or all are closed.
class RealListener::AnyReady {
 public:
  explicit AnyReady(RealListener& listener) {
    for (const auto& watch : listener.watches_) waiters_.push_back(std::make_unique<One>(*this, *watch));
  }
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    executor_ = &waiters_.front()->watch.loop();
    for (const auto& one : waiters_) one->watch.arm(FdWatch::kRead, *one);
  }
  bool await_resume() const { return open_; }

 private:
  struct One final : FdWaiter {
    One(AnyReady& any, FdWatch& watch) : any(any), watch(watch) {}
    void on_ready(bool open) override { any.woken(open); }
    AnyReady& any;
    FdWatch& watch;
  };
  void woken(bool open) {
    open_ = open;
    for (const auto& one : waiters_) one->disarm();
    executor_->schedule(handle_);
  }

  std::vector<std::unique_ptr<One>> waiters_;
  Executor* executor_ = nullptr;
  std::coroutine_handle<> handle_;
  bool open_ = false;
};

namespace {

bool is_exhaustion(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

}  // namespace

Task<Result<std::unique_ptr<Stream>>> RealListener::accept() {
  if (++inline_accepts_ > kInlineOperationsMax && watches_.front()->is_open()) {
    inline_accepts_ = 0;
    co_await yield(watches_.front()->loop());
  }
  int gone = 0;
  for (;;) {
    for (size_t empty = 0; empty < watches_.size();) {
      FdWatch& watch = *watches_[next_ % watches_.size()];
      if (!watch.is_open()) co_return fail(ErrorCode::kConnectionClosed);
      const int fd = ::accept4(watch.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      const int error = errno;
      if (fd >= 0 || error == EAGAIN) ++next_;  // the sockets take turns
      if (fd >= 0) co_return std::make_unique<RealStream>(watch.loop(), fd);
      if (error == EAGAIN) {
        ++empty;
        continue;
      }
      // What is not about us (ECONNABORTED and the like) is about one connection that went away. Others may wait behind it, and
      // no edge will tell of them again: ask on, but not for ever.
      if (!is_exhaustion(error) && ++gone < kInlineOperationsMax) continue;
      co_return fail(ErrorCode::kUnavailable, fmt::format("cannot accept a connection on {}: {}", local_.text(), std::strerror(error)));
    }
    inline_accepts_ = 0;
    const bool open = co_await AnyReady(*this);
    if (!open) co_return fail(ErrorCode::kConnectionClosed);  // the listener may be gone: touch nothing
  }
}

namespace {

std::unexpected<Error> listen_failure(const SocketAddress& address, int error) {
  const std::string where = address.endpoint().text();
  if (error == EADDRINUSE) {
    const std::optional<Holder> holder = holder_of_port(address.storage);
    return fail(ErrorCode::kAddressInUse,
                holder && holder->pid == ::getpid() ? fmt::format("cannot listen on {}: another listener of this process is there", where)
                : holder ? fmt::format("cannot listen on {}: address in use by {}", where, holder->text())
                       : fmt::format("cannot listen on {}: address in use by another process", where));
  }
  if (error == EACCES || error == EPERM) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("cannot listen on {}: {}\nports below 1024 are root's: choose another one with --port N or in listeners", where, std::strerror(error)));
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("cannot listen on {}: {}", where, std::strerror(error)));
}

}  // namespace

Result<int> open_listening_socket(const SocketAddress& address, bool ipv6_only, const SocketOptions& options) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return listen_failure(address, errno);
  const int on = 1;
  const int v6_only = ipv6_only ? 1 : 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  // Connections inherit these; a receive buffer must be set before they begin, for the window's scale.
  if (options.send_buffer_bytes >= 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options.send_buffer_bytes, sizeof options.send_buffer_bytes);
  if (options.receive_buffer_bytes >= 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer_bytes, sizeof options.receive_buffer_bytes);
  if (::bind(fd, address.data(), address.size) == 0 && (!options.listens || ::listen(fd, options.backlog) == 0)) return fd;
  const int error = errno;
  ::close(fd);
  return listen_failure(address, error);
}

}  // namespace weir::runtime
