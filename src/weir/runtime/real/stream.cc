#include "weir/runtime/real/stream.h"

#include <limits.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "weir/runtime/real/address.h"
#include "weir/runtime/real/network.h"

namespace weir::runtime {

RealStream::RealStream(RealLoop& loop, int fd)
    : watch_(loop, fd), peer_(peer_address(fd).endpoint()), local_(local_address(fd).endpoint()) {
  if (!watch_.is_open()) return;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // As Kafka: where nothing idles out, a machine that vanished is found by its silence.
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

Task<Result<size_t>> RealStream::read_some(MutableBytes into) {
  WEIR_ASSERT(!into.empty());
  if (!drained_ && ++inline_reads_ > kInlineOperationsMax) {
    inline_reads_ = 0;
    co_await yield(watch_.loop());
  }
  for (;;) {
    if (!watch_.is_open()) co_return closed(0, "read from");
    if (drained_) {
      const bool open = co_await watch_.ready(FdWatch::kRead);
      if (!open) co_return closed(0, "read from");
      drained_ = false;
      inline_reads_ = 0;
    }
    const ssize_t count = ::recv(watch_.fd(), into.data(), into.size(), 0);
    if (count >= 0) {
      drained_ = count > 0 && static_cast<size_t>(count) < into.size();
      co_return static_cast<size_t>(count);
    }
    if (errno == EAGAIN) drained_ = true;
    else if (errno != EINTR) co_return closed(errno, "read from");
  }
}

Task<Result<void>> RealStream::readable() {
  if (watch_.is_open() && drained_) {
    const bool open = co_await watch_.ready(FdWatch::kRead);
    if (open) {
      drained_ = false;
      inline_reads_ = 0;
    }
  }
  if (!watch_.is_open()) co_return closed(0, "read from");
  co_return Result<void>();
}

Task<Result<void>> RealStream::write_all(std::span<const ByteView> parts) {
  Progress progress;
  for (int calls = 1;; ++calls) {
    if (!watch_.is_open()) co_return closed(0, "write to");
    const Sent sent = send_more(parts, progress);
    if (sent == Sent::kAll) co_return Result<void>();
    if (sent == Sent::kFailed) co_return closed(errno, "write to");
    if (sent == Sent::kWouldBlock) {
      const bool open = co_await watch_.ready(FdWatch::kWrite);
      if (!open) co_return closed(0, "write to");
      calls = 0;
    } else if (calls % kInlineOperationsMax == 0) {
      co_await yield(watch_.loop());
    }
  }
}

RealStream::Sent RealStream::send_more(std::span<const ByteView> parts, Progress& progress) {
  iovec pieces[IOV_MAX];
  size_t count = 0;
  size_t offset = progress.offset;
  for (size_t i = progress.part; i < parts.size() && count < IOV_MAX; ++i, offset = 0) {
    if (parts[i].size() == offset) continue;
    pieces[count++] = {const_cast<std::byte*>(parts[i].data()) + offset, parts[i].size() - offset};
  }
  if (count == 0) return Sent::kAll;
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  ssize_t sent;
  do {
    sent = ::sendmsg(watch_.fd(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return errno == EAGAIN ? Sent::kWouldBlock : Sent::kFailed;
  auto rest = static_cast<size_t>(sent);
  while (progress.part < parts.size() && rest >= parts[progress.part].size() - progress.offset) {
    rest -= parts[progress.part].size() - progress.offset;
    ++progress.part;
    progress.offset = 0;
  }
  progress.offset += rest;
  return progress.part == parts.size() ? Sent::kAll : Sent::kSome;
}

std::unexpected<Error> RealStream::closed(int error, const char* doing) const {
  if (error == 0) return fail(ErrorCode::kConnectionClosed);
  return fail(ErrorCode::kConnectionClosed, fmt::format("cannot {} {}: {}", doing, peer_.text(), std::strerror(error)));
}

}  // namespace weir::runtime
