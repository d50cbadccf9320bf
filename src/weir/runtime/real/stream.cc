#include "weir/runtime/real/stream.h"

#include <limits.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "weir/runtime/real/address.h"
#include "weir/runtime/real/file.h"
#include "weir/runtime/real/page_cache.h"
#include "weir/runtime/real/network.h"

namespace weir::runtime {
namespace {

// Of what is awaited in one piece, the socket wakes the shard once for so much of it. Less than the first is a packet or two; more
// than the second has left the processor's cache when it is read, and makes the kernel's buffer of a connection larger.
constexpr size_t kLowWaterMin = 64 << 10;
constexpr size_t kLowWaterMax = 512 << 10;

}  // namespace

RealStream::RealStream(RealLoop& loop, int fd)
    : peer_(peer_address(fd).endpoint()), local_(local_address(fd).endpoint()), watch_(loop, fd) {
  if (!watch_.is_open()) return;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // As Kafka: where nothing idles out, a machine that vanished is found by its silence.
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

Task<Result<size_t>> RealStream::read_some(MutableBytes into, size_t worth_waking) {
  WEIR_ASSERT(!into.empty());
  if (!drained_ && ++inline_reads_ > kInlineOperationsMax) {
    inline_reads_ = 0;
    co_await yield(watch_.loop());
  }
  for (;;) {
    if (!watch_.is_open()) co_return closed(0, "read from");
    if (drained_) {
      set_low_water(std::min(worth_waking, into.size()));
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
  if (!watch_.is_open()) co_return closed(0, "read from");
  if (drained_) {
    set_low_water(1);
    const bool open = co_await watch_.ready(FdWatch::kRead);
    if (!open) co_return closed(0, "read from");
    drained_ = false;
    inline_reads_ = 0;
  }
  co_return Result<void>();
}

// Lowered, the kernel says at once whether there is something to read (tcp_set_rcvlowat); the end of the stream, and a window
// that is full, wake the shard whatever was asked. A kernel that refuses wakes more often.
void RealStream::set_low_water(size_t worth_waking) {
  const size_t wanted = worth_waking < kLowWaterMin ? 1 : std::min(worth_waking, kLowWaterMax);
  if (wanted == low_water_) return;
  const int bytes = static_cast<int>(wanted);
  setsockopt(watch_.fd(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
  low_water_ = wanted;
}

Task<Result<void>> RealStream::write_all(std::span<const ByteView> parts, bool more_follows) {
  Progress progress;
  const int flags = MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0);
  for (int calls = 1;; ++calls) {
    if (!watch_.is_open()) co_return closed(0, "write to");
    const Sent sent = send_more(parts, progress, flags);
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

RealStream::Sent RealStream::send_more(std::span<const ByteView> parts, Progress& progress, int flags) {
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
    sent = ::sendmsg(watch_.fd(), &message, flags);
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

// From the page cache to the socket, without a copy in this process. What is not in the page cache is read on the offload
// pool: sendfile would make the shard wait for the disk.
Task<Result<void>> RealStream::write_file(const FileRange& range) {
  constexpr size_t kChunk = 512 << 10;
  const auto file = std::dynamic_pointer_cast<RealFile>(range.source);
  for (size_t done = 0; done < range.size;) {
    const size_t size = std::min(kChunk, range.size - done);
    const FileRange chunk{range.source, range.position + done, size};
    const bool is_cached = file != nullptr && seems_cached(file->fd(), chunk.position, size);
    Result<void> sent;
    if (is_cached) sent = co_await send_cached(file->fd(), chunk);
    else sent = co_await Stream::write_file(chunk);
    WEIR_CO_CHECK(std::move(sent));
    done += size;
  }
  co_return Result<void>();
}

// `fd` is the file's.
Task<Result<void>> RealStream::send_cached(int fd, const FileRange& range) {
  auto at = static_cast<off_t>(range.position);
  const off_t end = at + static_cast<off_t>(range.size);
  for (int calls = 1; at < end;) {
    if (!watch_.is_open()) co_return closed(0, "write to");
    const ssize_t sent = ::sendfile(watch_.fd(), fd, &at, static_cast<size_t>(end - at));
    if (sent > 0) {
      if (at < end && calls++ % kInlineOperationsMax == 0) co_await yield(watch_.loop());
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent == 0 || errno != EAGAIN) {
      // Sendfile does not tell a broken file from a broken connection: reading and writing the rest will.
      const FileRange rest{range.source, static_cast<uint64_t>(at), static_cast<size_t>(end - at)};
      co_return co_await Stream::write_file(rest);
    }
    const bool open = co_await watch_.ready(FdWatch::kWrite);
    if (!open) co_return closed(0, "write to");
    calls = 1;
  }
  co_return Result<void>();
}

std::unexpected<Error> RealStream::closed(int error, const char* doing) const {
  if (error == 0) return fail(ErrorCode::kConnectionClosed);
  return fail(ErrorCode::kConnectionClosed, fmt::format("cannot {} {}: {}", doing, peer_.text(), std::strerror(error)));
}

}  // namespace weir::runtime
