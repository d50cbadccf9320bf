// Byte streams between nodes. Real: TCP. Simulated: pipes with delay, partition, reset and partial reads.
//
// A pending read, write, accept or connect ends when its object is closed: owners enforce deadlines and stop requests by
// closing, and let what is pending end before they destroy the object. One read and one write may be pending at a time on a
// Stream, and one accept on a Listener.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/file_range.h"
#include "weir/base/time.h"
#include "weir/runtime/task.h"

namespace weir::runtime {

struct Endpoint {
  std::string host;  // a name or an address
  uint16_t port = 0;

  std::string text() const;  // "host:port", IPv6 in brackets
  // "localhost:9092", "[::1]:9092", ":9092" (every address). Nothing when it is none of these.
  static std::optional<Endpoint> parse(std::string_view text);
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

class Stream {
 public:
  virtual ~Stream() = default;  // closes

  // Reads at least one byte into `into`; 0 means the peer ended its side. `into` must live until the await is over. Who has no
  // use for fewer than `worth_waking` bytes says so, and is not woken for each packet of them; it may get fewer all the same.
  // Errors: kConnectionClosed (closed here, or reset by the peer).
  virtual Task<Result<size_t>> read_some(MutableBytes into, size_t worth_waking = 1) = 0;

  // Resolves when there is something to read, or the end: who may wait for long needs no buffer meanwhile. It may resolve too
  // early. No read may be pending. Errors: kConnectionClosed (closed here).
  virtual Task<Result<void>> readable() = 0;

  // Sends all of `parts`, in order, with as few calls as possible. The bytes must live until the await is over. `more_follows`
  // lets the last of them wait for what comes next, to share its packet. Errors: kConnectionClosed.
  virtual Task<Result<void>> write_all(std::span<const ByteView> parts, bool more_follows = false) = 0;

  // Sends what `range` names, of a file of this process's Disk: without reading it where the system can (sendfile), else chunk
  // by chunk. Errors: kConnectionClosed, and those of reading; then a part may have been sent.
  virtual Task<Result<void>> write_file(const FileRange& range);

  // Ends both directions at once; pending operations end with kConnectionClosed. May be called twice.
  virtual void close() = 0;

  // "address:port" of the other side, for logs and quotas.
  virtual const Endpoint& peer() const = 0;
  virtual const Endpoint& local() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;  // closes
  // Errors: kConnectionClosed (closed here); kUnavailable (out of descriptors, or the system will not: wait a little, then call
  // again).
  virtual Task<Result<std::unique_ptr<Stream>>> accept() = 0;
  virtual void close() = 0;
  // The port is the real one when 0 was asked.
  virtual const Endpoint& local() const = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  // "localhost" listens on 127.0.0.1 and, where the system has it, ::1 with one port; "" on every address.
  // Errors: kAddressInUse, kPermissionDenied, kInvalidArgument (no such host), each with a sentence for the operator.
  virtual Task<Result<std::unique_ptr<Listener>>> listen(Endpoint at) = 0;
  // Where listen(at) would listen now, with a free port in the place of 0; its errors otherwise. Nobody can connect to a probe.
  virtual Task<Result<Endpoint>> probe(Endpoint at) = 0;
  // Tries each address of the host, each with its share of the time. Errors: kConnectionRefused, kDeadlineExceeded,
  // kInvalidArgument (no such host).
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Endpoint to, Deadline deadline) = 0;
};

}  // namespace weir::runtime
