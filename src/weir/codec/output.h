// How much memory a decompressor may use for what it produces: it grows with what was really produced, up to a cap.
//
// Holds    - the buffer is never given more than one byte above the cap: the byte tells a stream of exactly the cap's size
//            from a longer one
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "weir/base/bytes.h"
#include "weir/base/error.h"

namespace weir::codec {

class CappedOutput {
 public:
  // Starts at the beginning of `bytes`, with room for about four times `input_bytes`.
  CappedOutput(Bytes& bytes, size_t input_bytes, size_t output_bytes_max)
      : bytes_(bytes), bytes_max_(output_bytes_max), limit_(output_bytes_max == SIZE_MAX ? SIZE_MAX : output_bytes_max + 1) {
    const size_t first = std::min(limit_, std::max(kFirstBytes, 4 * input_bytes));
    set_size(std::min(limit_, std::max(first, bytes_.size())));
  }

  std::byte* at() { return bytes_.data() + used_; }
  size_t room() const { return bytes_.size() - used_; }
  size_t used() const { return used_; }
  bool is_full() const { return room() == 0; }
  // `count` bytes were written at `at()`. Errors: kOutputTooLarge.
  Result<void> produced(size_t count) {
    used_ += count;
    if (used_ > bytes_max_) return too_large();
    return {};
  }
  // Doubles the room. Errors: kOutputTooLarge when it is already the most there may be.
  Result<void> grow() { return reserve(std::max(kFirstBytes, 2 * room() + (is_full() ? used_ : 0))); }
  // At least `count` bytes of room, or all that there may be. Errors: kOutputTooLarge when no room can be added.
  Result<void> reserve(size_t count) {
    if (count <= room()) return {};
    if (bytes_.size() >= limit_) return too_large();
    set_size(count > limit_ - used_ ? limit_ : used_ + count);
    return {};
  }
  // Cuts the buffer to what was produced.
  void finish() { bytes_.resize(used_); }

 private:
  static constexpr size_t kFirstBytes = 4096;

  // `resize` alone may take twice the memory.
  void set_size(size_t size) {
    bytes_.reserve(size);
    bytes_.resize(size);
  }
  std::unexpected<Error> too_large() const {
    return fail(ErrorCode::kOutputTooLarge, fmt::format("decompresses to more than {} bytes", bytes_max_));
  }

  Bytes& bytes_;
  size_t used_ = 0;
  size_t bytes_max_;
  size_t limit_;
};

}  // namespace weir::codec
