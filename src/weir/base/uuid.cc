#include "weir/base/uuid.h"

namespace weir {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kTextSize = 22;

uint8_t byte_at(const Uuid& id, size_t i) {
  const uint64_t half = i < 8 ? id.high : id.low;
  return static_cast<uint8_t>(half >> (56 - 8 * (i % 8)));
}

}  // namespace

std::string Uuid::text() const {
  std::string out;
  out.reserve(kTextSize);
  for (size_t i = 0; i < 16; i += 3) {
    const uint32_t group = byte_at(*this, i) << 16 | (i + 1 < 16 ? byte_at(*this, i + 1) << 8 : 0) |
                           (i + 2 < 16 ? byte_at(*this, i + 2) : 0);
    for (int shift = 18; shift >= 0 && out.size() < kTextSize; shift -= 6) out += kAlphabet[(group >> shift) & 63];
  }
  return out;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  Uuid id;
  uint32_t bits = 0;
  int bit_count = 0;
  size_t byte_index = 0;
  for (char c : text) {
    const size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    const auto byte = static_cast<uint64_t>((bits >> bit_count) & 0xff);
    if (byte_index >= 16) return std::nullopt;
    uint64_t& half = byte_index < 8 ? id.high : id.low;
    half = half << 8 | byte;
    ++byte_index;
  }
  return byte_index == 16 ? std::optional(id) : std::nullopt;
}

}  // namespace weir
