#include "weir/cli/json_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/utf8.h"

namespace weir::cli {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else out += c;
    }
  }
  return out + "\"";
}

std::string base64(ByteView bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t word = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t k = 0; k < 3; ++k) word = word << 8 | (k < count ? static_cast<uint32_t>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kAlphabet[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string json_bytes_field(std::string_view name, std::optional<ByteView> bytes) {
  if (!bytes) return fmt::format("\"{}\":null", name);
  const std::string_view text = as_text(*bytes);
  if (is_text(text)) return fmt::format("\"{}\":{}", name, json_string(text));
  return fmt::format("\"{}_base64\":\"{}\"", name, base64(*bytes));
}

}  // namespace weir::cli
