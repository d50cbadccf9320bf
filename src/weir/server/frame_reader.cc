#include "weir/server/frame_reader.h"

#include <algorithm>

#include "weir/base/assert.h"
#include "weir/base/endian.h"
#include "weir/protocol/foreign.h"
#include "weir/protocol/frame.h"

namespace weir::server {

using protocol::kFrameSizeBytes;

FrameReader::~FrameReader() {
  if (block_ != nullptr) block_->drop_reference();
}

MutableBytes FrameReader::space() {
  const size_t pending = filled_ - consumed_;
  if (block_ == nullptr) {
    start_block(next_block_bytes_);
  } else if (pending == 0 && block_->is_unique()) {
    // No frame points into the block any more: use it again from the start, while it is warm in the cache.
    // One that a large frame needed is given up: an idle connection must not keep it.
    consumed_ = filled_ = 0;
    if (block_->capacity() < next_block_bytes_ || block_->capacity() > kBlockBytesMax) start_block(next_block_bytes_);
  } else if (block_->capacity() == filled_ || consumed_ + room_for_frame(pending) > block_->capacity()) {
    start_block(std::max({next_block_bytes_, room_for_frame(pending), pending + 1}));
  }
  WEIR_ASSERT(filled_ < block_->capacity(), filled_, block_->capacity());
  return {block_->data() + filled_, block_->capacity() - filled_};
}

// How much of the unfinished frame the block must hold: all of it as far as the connection has shown that it sends so much, and
// then by a factor that keeps the copying below half of the frame.
size_t FrameReader::room_for_frame(size_t pending) const {
  const bool is_full = block_->capacity() == filled_;
  const size_t proven = std::max({next_block_bytes_, kUnprovenBytesMax, is_full ? pending * 4 : pending});
  return std::min(frame_bytes_wanted_, proven);
}

void FrameReader::release() {
  WEIR_ASSERT(holds_idle_block());
  block_->drop_reference();
  block_ = nullptr;
  consumed_ = filled_ = 0;
  next_block_bytes_ = kBlockBytesMin;
}

void FrameReader::filled(size_t count) {
  WEIR_ASSERT(block_ != nullptr && filled_ + count <= block_->capacity(), filled_, count);
  const bool was_full = filled_ + count == block_->capacity();
  filled_ += count;
  // A read that filled its block shows a busy connection: the next block is larger.
  if (was_full) next_block_bytes_ = std::min(next_block_bytes_ * 4, kBlockBytesMax);
}

Result<std::optional<SharedBytes>> FrameReader::next() {
  const size_t pending = filled_ - consumed_;
  if (pending < kFrameSizeBytes) {
    frame_bytes_wanted_ = 0;
    return std::nullopt;
  }
  const auto length = load_be<int32_t>(block_->data() + consumed_);
  if (length < 0 || static_cast<size_t>(length) > frame_bytes_max_) {
    if (const std::string_view other = protocol::foreign_protocol(length); !other.empty()) {
      return fail(ErrorCode::kMalformedFrame, fmt::format("it speaks {}, and this port Kafka's protocol in the clear", other));
    }
    return fail(ErrorCode::kMalformedFrame,
                fmt::format("a request of {} bytes; socket.request.max.bytes allows 0 .. {}", length, frame_bytes_max_));
  }
  frame_bytes_wanted_ = kFrameSizeBytes + static_cast<size_t>(length);
  if (pending < frame_bytes_wanted_) return std::nullopt;
  SharedBytes frame(block_, {block_->data() + consumed_ + kFrameSizeBytes, static_cast<size_t>(length)});
  consumed_ += frame_bytes_wanted_;
  frame_bytes_wanted_ = 0;
  return frame;
}

void FrameReader::start_block(size_t capacity) {
  SharedBlock* block = SharedBlock::make(capacity);
  const size_t pending = filled_ - consumed_;
  WEIR_ASSERT(pending < capacity, pending, capacity);
  if (pending > 0) std::memcpy(block->data(), block_->data() + consumed_, pending);
  if (block_ != nullptr) block_->drop_reference();
  block_ = block;
  consumed_ = 0;
  filled_ = pending;
}

}  // namespace weir::server
