// Where messages are encoded to: a list of slices, ready for one gather write.
//
// Fields are written into a block of the writer's own; `share` passes a SharedBytes on without copying it, unless it is so
// small that a slice of its own would cost more. `take` gives the slices in order; each keeps its block alive.
#pragma once

#include <bit>
#include <concepts>
#include <memory>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/endian.h"
#include "weir/base/file_range.h"
#include "weir/base/varint.h"

namespace weir::protocol {

// Below this many bytes `share` copies.
inline constexpr size_t kShareBytesMin = 512;

// A piece of a frame on its way out: bytes in memory, or a range of a file.
struct FramePart {
  SharedBytes bytes;
  std::shared_ptr<const FileRange> file;   // null: `bytes`
  size_t size() const { return file != nullptr ? file->size : bytes.size(); }
};

class FrameWriter {
 public:
  explicit FrameWriter(size_t capacity = 256) : block_(SharedBytes::allocate(capacity)) { adopt(); }

  template <std::integral T>
  void integer(T value) {
    store_be(room(sizeof(T)), value);
    at_ += sizeof(T);
  }
  void f64(double value) { integer(std::bit_cast<uint64_t>(value)); }
  void unsigned_varint(uint32_t value) { at_ = put_unsigned_varint(room(kVarintBytesMax), value); }
  void bytes(ByteView view) {
    if (view.empty()) return;
    std::memcpy(room(view.size()), view.data(), view.size());
    at_ += view.size();
  }
  // `slice` follows what was written so far; its bytes must not change until the frame has been sent.
  void share(const SharedBytes& slice);
  void share(std::shared_ptr<const FileRange> file);

  // Bytes so far, shared ones included.
  size_t size() const { return shared_bytes_ + own_bytes(); }
  // Overwrites an integer in the writer's own bytes before the first shared slice, at byte `position`.
  template <std::integral T>
  void patch(size_t position, T value) {
    store_be(block_.mutable_view().data() + position, value);
  }

  // The parts, in order. The writer is empty afterwards and may not be used again.
  std::vector<FramePart> take_parts() &&;
  // The same of a frame without files.
  std::vector<SharedBytes> take() &&;
  // Everything as one slice; copies only when something was shared.
  SharedBytes join() &&;

 private:
  struct Shared {
    size_t position;  // in the own bytes, after which the slice comes
    FramePart part;
  };

  size_t own_bytes() const { return static_cast<size_t>(at_ - begin_); }
  std::byte* room(size_t count) {
    if (static_cast<size_t>(end_ - at_) < count) [[unlikely]]
      grow(count);
    return at_;
  }
  void grow(size_t count);
  void adopt() {
    begin_ = at_ = block_.mutable_view().data();
    end_ = begin_ + block_.size();
  }

  SharedBytes block_;
  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  std::vector<Shared> shared_;
  size_t shared_bytes_ = 0;
};

}  // namespace weir::protocol
