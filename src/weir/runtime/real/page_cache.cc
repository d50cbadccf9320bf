#include "weir/runtime/real/page_cache.h"

#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "weir/base/assert.h"

namespace weir::runtime {
namespace {

constexpr long kCachestat = 451;   // the same on every architecture; headers before Linux 6.5 do not name it

struct CachestatRange {
  uint64_t offset;
  uint64_t length;
};

struct Cachestat {
  uint64_t cached;   // all in pages
  uint64_t dirty;
  uint64_t in_writeback;
  uint64_t evicted;
  uint64_t recently_evicted;
};

bool can_read_now(int fd, uint64_t position) {
  std::byte one;
  const iovec into{&one, 1};
  ssize_t count;
  do {
    count = ::preadv2(fd, &into, 1, static_cast<off_t>(position), RWF_NOWAIT);
  } while (count < 0 && errno == EINTR);
  return count == 1;
}

}  // namespace

std::optional<size_t> cached_bytes(int fd, uint64_t position, size_t size) {
  static const auto kPageBytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  static std::atomic<bool> is_known = true;   // to the kernel
  WEIR_ASSERT(size > 0);
  if (!is_known.load(std::memory_order_relaxed)) return std::nullopt;
  const CachestatRange range{position, size};
  Cachestat counts{};
  if (::syscall(kCachestat, fd, &range, &counts, 0u) != 0) {
    if (errno == ENOSYS) is_known.store(false, std::memory_order_relaxed);
    return std::nullopt;
  }
  return counts.cached * kPageBytes;
}

bool seems_cached(int fd, uint64_t position, size_t size) {
  WEIR_ASSERT(size > 0);
  if (const std::optional<size_t> cached = cached_bytes(fd, position, size)) {
    // Pages that are being read count as well; the last one of a range is read last.
    return *cached >= size && can_read_now(fd, position + size - 1);
  }
  constexpr size_t kStep = 64 << 10;
  for (size_t at = 0; at < size; at += kStep) {
    if (!can_read_now(fd, position + at)) return false;
  }
  return can_read_now(fd, position + size - 1);
}

}  // namespace weir::runtime
