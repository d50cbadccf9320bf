// A connected TCP socket as a Stream.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include "weir/runtime/network.h"
#include "weir/runtime/real/loop.h"

namespace weir::runtime {

class RealStream final : public Stream {
 public:
  // Takes the connected, non-blocking `fd`.
  RealStream(RealLoop& loop, int fd);

  Task<Result<size_t>> read_some(MutableBytes into, size_t worth_waking) override;
  Task<Result<void>> readable() override;
  Task<Result<void>> write_all(std::span<const ByteView> parts, bool more_follows) override;
  Task<Result<void>> write_file(const FileRange& range) override;
  void close() override { watch_.close(); }
  const Endpoint& peer() const override { return peer_; }
  const Endpoint& local() const override { return local_; }

 private:
  // Where a write has got to.
  struct Progress {
    size_t part = 0;
    size_t offset = 0;  // within the part
  };
  enum class Sent : uint8_t { kAll, kSome, kWouldBlock, kFailed };
  Sent send_more(std::span<const ByteView> parts, Progress& progress, int flags);
  Task<Result<void>> send_cached(int fd, const FileRange& range);
  void set_low_water(size_t worth_waking);
  std::unexpected<Error> closed(int error, const char* doing) const;

  Endpoint peer_;
  Endpoint local_;
  FdWatch watch_;  // behind the addresses: closes its descriptor at once when it cannot be watched
  bool drained_ = false;  // the last read took less than it could: nothing is there until the reactor says so
  int inline_reads_ = 0;
  size_t low_water_ = 1;  // bytes from which on the kernel calls the socket readable
};

}  // namespace weir::runtime
