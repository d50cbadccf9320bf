#include "weir/node/properties.h"

#include <fmt/format.h>

namespace weir::node {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

std::string_view without_leading_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

void append_utf8(std::string& to, uint32_t code) {
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xC0 | (code >> 6));
    to += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    to += static_cast<char>(0xE0 | (code >> 12));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    to += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    to += static_cast<char>(0xF0 | (code >> 18));
    to += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    to += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Natural lines put together to logical ones.
class LogicalLines {
 public:
  explicit LogicalLines(std::string_view rest) : rest_(rest) {}

  // The next line that is neither blank nor a comment; false at the end. `line` is the number of its first natural line.
  bool next(std::string& text, int& line) {
    text.clear();
    while (!rest_.empty()) {
      const std::string_view natural = without_leading_blanks(take_natural());
      if (natural.empty() || natural.front() == '#' || natural.front() == '!') continue;
      line = number_;
      append_joined(text, natural);
      return true;
    }
    return false;
  }

 private:
  std::string_view take_natural() {
    const size_t end = rest_.find_first_of("\r\n");
    const std::string_view line = rest_.substr(0, end);
    size_t after = end == std::string_view::npos ? rest_.size() : end + 1;
    if (end != std::string_view::npos && rest_[end] == '\r' && after < rest_.size() && rest_[after] == '\n') ++after;
    rest_.remove_prefix(after);
    ++number_;
    return line;
  }
  static bool goes_on(std::string_view line) {
    size_t backslashes = 0;
    while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
    return backslashes % 2 == 1;
  }
  void append_joined(std::string& text, std::string_view natural) {
    while (goes_on(natural)) {
      text.append(natural.substr(0, natural.size() - 1));
      if (rest_.empty()) return;
      natural = without_leading_blanks(take_natural());
    }
    text.append(natural);
  }

  std::string_view rest_;
  int number_ = 0;
};

std::unexpected<Error> bad_escape(int line, std::string_view escape) {
  return fail(ErrorCode::kMalformedFile, fmt::format("{}: \"{}\" is not an escape of four hexadecimal digits", line, escape));
}

// Characters above U+FFFF are written as two escapes.
bool is_high_half(uint32_t code) { return code >= 0xD800 && code < 0xDC00; }
bool is_low_half(uint32_t code) { return code >= 0xDC00 && code < 0xE000; }
std::unexpected<Error> half_character(int line, std::string_view escape) {
  return fail(ErrorCode::kMalformedFile, fmt::format("{}: \"{}\" is half a character: a pair of escapes makes one", line, escape));
}

Result<uint32_t> hex4(std::string_view text, size_t at, int line) {
  uint32_t code = 0;
  if (at + 4 > text.size()) return bad_escape(line, text.substr(at - 2));
  for (const char c : text.substr(at, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return bad_escape(line, text.substr(at - 2, 6));
    code = code * 16 + static_cast<uint32_t>(digit);
  }
  return code;
}

Result<std::string> unescaped(std::string_view text, int line) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      if (text[i] != '\\') out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'u') {
      WEIR_TRY(uint32_t code, hex4(text, i + 1, line));
      i += 4;
      if (is_high_half(code) && text.substr(i + 1).starts_with("\\u")) {
        WEIR_TRY(const uint32_t low, hex4(text, i + 3, line));
        if (!is_low_half(low)) return half_character(line, text.substr(i - 5, 6));
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        i += 6;
      } else if (is_high_half(code) || is_low_half(code)) {
        return half_character(line, text.substr(i - 5, 6));
      }
      append_utf8(out, code);
    } else {
      out += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
    }
  }
  return out;
}

size_t end_of_key(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '=' || text[i] == ':' || is_blank(text[i]))
      return i;
  }
  return text.size();
}

}  // namespace

Result<std::vector<Property>> parse_property_lines(std::string_view text) {
  std::vector<Property> properties;
  LogicalLines lines(text);
  std::string line;
  int number = 0;
  while (lines.next(line, number)) {
    const size_t key_end = end_of_key(line);
    std::string_view value = without_leading_blanks(std::string_view(line).substr(key_end));
    if (!value.empty() && (value.front() == '=' || value.front() == ':')) value = without_leading_blanks(value.substr(1));
    Property property{.key = {}, .value = {}, .line = number};
    WEIR_TRY(property.key, unescaped(std::string_view(line).substr(0, key_end), number));
    WEIR_TRY(property.value, unescaped(value, number));
    properties.push_back(std::move(property));
  }
  return properties;
}

}  // namespace weir::node
