// Appends big-endian fields to a growing buffer. The counterpart of Reader.
#pragma once

#include <bit>
#include <concepts>

#include "weir/base/bytes.h"
#include "weir/base/endian.h"
#include "weir/base/varint.h"

namespace weir {

class Writer {
 public:
  Writer() = default;
  explicit Writer(size_t capacity) { out_.reserve(capacity); }

  template <std::integral T>
  void integer(T value) {
    store_be(grow(sizeof(T)), value);
  }
  void i8(int8_t value) { integer(value); }
  void i16(int16_t value) { integer(value); }
  void i32(int32_t value) { integer(value); }
  void i64(int64_t value) { integer(value); }
  void u16(uint16_t value) { integer(value); }
  void u32(uint32_t value) { integer(value); }
  void f64(double value) { integer(std::bit_cast<uint64_t>(value)); }
  void unsigned_varint(uint32_t value) { varint_bits(value); }
  void varint(int32_t value) { varint_bits(zigzag(value)); }
  void varlong(int64_t value) { varint_bits(zigzag(value)); }
  void bytes(ByteView view) {
    if (!view.empty()) std::memcpy(grow(view.size()), view.data(), view.size());
  }

  // Overwrites an integer written earlier, at byte `position`.
  template <std::integral T>
  void patch(size_t position, T value) {
    store_be(out_.data() + position, value);
  }

  size_t size() const { return out_.size(); }
  ByteView view() const { return out_; }
  Bytes take() && { return std::move(out_); }

 private:
  std::byte* grow(size_t count) {
    const size_t at = out_.size();
    out_.resize(at + count);
    return out_.data() + at;
  }
  void varint_bits(uint64_t value) {
    std::byte scratch[kVarlongBytesMax];
    const std::byte* end = put_unsigned_varint(scratch, value);
    bytes({scratch, static_cast<size_t>(end - scratch)});
  }

  Bytes out_;
};

}  // namespace weir
