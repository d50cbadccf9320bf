// A cursor over untrusted bytes. Reading past the end, or a varint that is too long, fails the cursor for good: every
// later read returns zero or an empty view, so that a decoder may read a whole group of fields and ask once.
#pragma once

#include <concepts>

#include "weir/base/bytes.h"
#include "weir/base/endian.h"
#include "weir/base/varint.h"

namespace weir {

class Reader {
 public:
  explicit Reader(ByteView bytes) : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  template <std::integral T>
  T integer() {
    if (remaining() < sizeof(T)) return static_cast<T>(fail());
    const T value = load_be<T>(at_);
    at_ += sizeof(T);
    return value;
  }
  int8_t i8() { return integer<int8_t>(); }
  int16_t i16() { return integer<int16_t>(); }
  int32_t i32() { return integer<int32_t>(); }
  int64_t i64() { return integer<int64_t>(); }
  uint16_t u16() { return integer<uint16_t>(); }
  uint32_t u32() { return integer<uint32_t>(); }
  double f64() { return std::bit_cast<double>(integer<uint64_t>()); }

  uint32_t unsigned_varint() { return static_cast<uint32_t>(varint_bits(kVarintBytesMax)); }
  int32_t varint() { return unzigzag(unsigned_varint()); }
  int64_t varlong() { return unzigzag(varint_bits(kVarlongBytesMax)); }

  ByteView bytes(size_t count) {
    if (remaining() < count) {
      fail();
      return {};
    }
    const ByteView view(at_, count);
    at_ += count;
    return view;
  }
  void skip(size_t count) { bytes(count); }

  // Marks the input as wrong for a reason the caller knows (a length below -1, a count beyond reason). Returns 0.
  int fail() {
    failed_ = true;
    at_ = end_;
    return 0;
  }
  bool failed() const { return failed_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  size_t position() const { return static_cast<size_t>(at_ - begin_); }
  ByteView rest() const { return {at_, end_}; }

 private:
  uint64_t varint_bits(size_t bytes_max) {
    uint64_t value = 0;
    const std::byte* after = get_unsigned_varint(at_, end_, bytes_max, value);
    if (after == nullptr) return static_cast<uint64_t>(fail());
    at_ = after;
    return value;
  }

  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  bool failed_ = false;
};

}  // namespace weir
