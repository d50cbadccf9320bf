#include "weir/cli/json_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/utf8.h"

namespace weir::cli {

namespace {

constexpr std::string_view kBase64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64(ByteView bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t word = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t k = 0; k < 3; ++k) word = word << 8 | (k < count ? static_cast<uint32_t>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kBase64Alphabet[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  Bytes out;
  uint32_t word = 0;
  size_t digits = 0;
  const std::string_view body = text.substr(0, text.find('='));
  const size_t padding = text.size() - body.size();
  bool is_wrong = text.size() % 4 != 0 || padding > 2 || text.substr(body.size()).find_first_not_of('=') != std::string_view::npos;
  for (const char c : body) {
    const size_t digit = kBase64Alphabet.find(c);
    is_wrong = is_wrong || digit == std::string_view::npos;
    word = word << 6 | static_cast<uint32_t>(digit & 63);
    if (++digits % 4 != 0) continue;
    for (const int shift : {16, 8, 0}) out.push_back(static_cast<std::byte>(word >> shift));
    word = 0;
  }
  if (is_wrong) return fail(ErrorCode::kInvalidArgument, "this is no base64");
  const size_t rest = digits % 4;
  if (rest == 2) out.push_back(static_cast<std::byte>(word >> 4));
  if (rest == 3) for (const int shift : {10, 2}) out.push_back(static_cast<std::byte>(word >> shift));
  return out;
}

std::string json_bytes_field(std::string_view name, std::optional<ByteView> bytes) {
  if (!bytes) return fmt::format("\"{}\":null", name);
  const std::string_view text = as_text(*bytes);
  if (is_text(text)) return fmt::format("\"{}\":{}", name, json_string(text));
  return fmt::format("\"{}_base64\":\"{}\"", name, base64(*bytes));
}

}  // namespace weir::cli
