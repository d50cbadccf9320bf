// Cuts the byte stream of one connection into request frames without copying them.
//
// Bytes are read straight into a shared block; each frame is a slice that keeps its block alive, so the record batches of a
// Produce request travel from the socket to the file in the buffer they arrived in. Blocks grow with the traffic (4 KiB for a
// quiet connection, up to kBlockBytesMax for a busy one); only the part of a frame that straddles two blocks is copied. A frame
// that is larger than its connection's usual block gets room as its bytes arrive: a length alone reserves kUnprovenBytesMax.
//
// Owner    server::Connection.
// Format   int32 big-endian length, then that many bytes (Kafka protocol guide, "Protocol primitive types").
// Holds    consumed_ <= filled_ <= block capacity
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "weir/base/bytes.h"
#include "weir/base/error.h"

namespace weir::server {

class FrameReader {
 public:
  static constexpr size_t kBlockBytesMin = 4 * 1024;
  static constexpr size_t kBlockBytesMax = 1024 * 1024;
  static constexpr size_t kUnprovenBytesMax = 64 * 1024;   // room for what was announced and is not there
  static constexpr size_t kIdleBytesMax = 16 * 1024;       // of a block that may wait with nothing in it

  // `frame_bytes_max` is socket.request.max.bytes.
  explicit FrameReader(size_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}
  ~FrameReader();
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  // Where the next bytes of the stream go: at least one byte. Valid until the next call of any member.
  MutableBytes space();
  // `count` bytes of the last space() now hold data.
  void filled(size_t count);

  // An empty block too large to wait with, for a connection that may be idle; release() gives it up.
  bool holds_idle_block() const { return block_ != nullptr && consumed_ == filled_ && block_->capacity() > kIdleBytesMax; }
  void release();
  size_t block_bytes() const { return block_ == nullptr ? 0 : block_->capacity(); }

  // The next complete frame without its length, or nothing when more bytes are needed.
  // Errors: kMalformedFrame when the length is negative or above the limit: close the connection.
  Result<std::optional<SharedBytes>> next();

  // Whether bytes of an unfinished frame are waiting.
  bool has_partial_frame() const { return consumed_ < filled_; }
  // Bytes that the unfinished frame still lacks; 1 while they are not known.
  size_t missing_bytes() const { return frame_bytes_wanted_ == 0 ? 1 : frame_bytes_wanted_ - (filled_ - consumed_); }
  // Bytes of the unfinished frame with its length; 0 while they are not known.
  size_t partial_frame_bytes() const { return frame_bytes_wanted_; }

 private:
  size_t room_for_frame(size_t pending) const;
  void start_block(size_t capacity);

  size_t frame_bytes_max_;
  SharedBlock* block_ = nullptr;
  size_t consumed_ = 0;      // bytes of the block that were given out as frames
  size_t filled_ = 0;        // bytes of the block that hold data
  size_t next_block_bytes_ = kBlockBytesMin;
  size_t frame_bytes_wanted_ = 0;  // length prefix and body of the frame that is being received, 0 when not known
};

}  // namespace weir::server
