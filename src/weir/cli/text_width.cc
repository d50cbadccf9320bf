#include "weir/cli/text_width.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>

#include <fmt/format.h>

#include "weir/cli/utf8.h"

namespace weir::cli {

namespace {

struct Range {
  uint32_t first;
  uint32_t last;
};

// East Asian wide and fullwidth blocks, and emoji (Unicode 15, by block: what terminals agree on).
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
                           {0x2648, 0x2653},   {0x26a1, 0x26a1},   {0x26bd, 0x26be},   {0x2705, 0x2705},   {0x274c, 0x274c},   {0x2753, 0x2755},
                           {0x2795, 0x2797},   {0x27b0, 0x27b0},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
                           {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                           {0xfe30, 0xfe6f},   {0xff01, 0xff60},   {0xffe0, 0xffe6},   {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e},
                           {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca},
                           {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4}, {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc},
                           {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e}, {0x1f550, 0x1f567}, {0x1f595, 0x1f596}, {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5},
                           {0x1f6d0, 0x1f6d2}, {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7eb}, {0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff},
                           {0x20000, 0x3fffd}};
// Combining marks, joiners and variation selectors.
constexpr Range kNone[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},   {0x900, 0x902},  {0x93c, 0x93c},
                           {0x941, 0x948},   {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
                           {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef}};

bool is_in(uint32_t code, std::span<const Range> ranges) {
  const auto after = std::ranges::upper_bound(ranges, code, {}, &Range::first);
  return after != ranges.begin() && code <= std::prev(after)->last;
}

size_t columns_of(const Character& one) {
  if (!one.is_valid) return 1;
  if (is_in(one.code, kNone)) return 0;
  return is_in(one.code, kWide) ? 2 : 1;
}

}  // namespace

size_t columns_of(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const Character one = first_character(text);
    columns += columns_of(one);
    text.remove_prefix(one.bytes);
  }
  return columns;
}

std::string cut_columns(std::string text, size_t width) {
  if (columns_of(text) <= width) return text;
  const size_t dots = std::min<size_t>(3, width);
  const size_t room = width - dots;
  size_t at = 0;
  for (size_t columns = 0; at < text.size();) {
    const Character one = first_character(std::string_view(text).substr(at));
    columns += columns_of(one);
    if (columns > room) break;
    at += one.bytes;
  }
  text.resize(at);
  return text + std::string(dots, '.');
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character one = first_character(text);
    const bool is_control = one.code < 0x20 || one.code == 0x7f || (one.is_valid && one.code >= 0x80 && one.code < 0xa0);
    if (one.is_valid && !is_control) out += text.substr(0, one.bytes);
    else if (text[0] == '\n') out += "\\n";
    else if (text[0] == '\t') out += "\\t";
    else for (size_t i = 0; i < one.bytes; ++i) fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[i]));
    text.remove_prefix(one.bytes);
  }
  return out;
}

}  // namespace weir::cli
