#include "weir/cli/utf8.h"

#include "weir/base/assert.h"

namespace weir::cli {

Character first_character(std::string_view text) {
  WEIR_ASSERT(!text.empty());
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const size_t length = lead >= 0xc2 && lead < 0xe0 ? 2 : (lead & 0xf0) == 0xe0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (length == 0 || length > text.size()) return {lead, 1, false};
  uint32_t code = lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {lead, 1, false};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {lead, 1, false};
  return {code, length, true};
}

bool is_text(std::string_view text) {
  while (!text.empty()) {
    const Character one = first_character(text);
    if (!one.is_valid) return false;
    text.remove_prefix(one.bytes);
  }
  return true;
}

}  // namespace weir::cli
