#include "weir/cli/record_format.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "weir/cli/json_text.h"
#include "weir/cli/utf8.h"
#include "weir/cli/when.h"

namespace weir::cli {

namespace {

constexpr std::string_view kLetters = "kvsoptTDhKVS";

struct NamedFormat {
  std::string_view name;
  std::string_view format;
};
constexpr NamedFormat kNamed[] = {{"plain", "%v\\n"}, {"keyvalue", "%k\\t%v\\n"}, {"raw", "%v"}, {"hex", "%p/%o %D\\n  key   %k{hex}\\n  value %v{hex}\\n"}};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The byte that the escape at text[at] (behind the backslash) stands for; `at` moves to its last character.
char escaped(std::string_view text, size_t& at) {
  switch (text[at]) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case '0': return '\0';
    case 'x':
      if (at + 2 < text.size() && hex_digit(text[at + 1]) >= 0 && hex_digit(text[at + 2]) >= 0) {
        at += 2;
        return static_cast<char>(hex_digit(text[at - 1]) << 4 | hex_digit(text[at]));
      }
      return 'x';
    default: return text[at];
  }
}

}  // namespace

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) out += escaped(text, ++i);
    else out += text[i];
  }
  return out;
}

void RecordFormat::literal(char c) {
  if (parts_.empty() || parts_.back().what != 0) parts_.push_back({0, As::kBytes, {}});
  parts_.back().text += c;
}

Result<RecordFormat> RecordFormat::parse(std::string_view text) {
  RecordFormat format;
  if (text == "json") {
    format.is_json_ = true;
    return format;
  }
  for (const NamedFormat& named : kNamed) {
    if (named.name == text) return parse(named.format);
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const bool last = i + 1 == text.size();
    if (text[i] == '\\' && !last) {
      format.literal(escaped(text, ++i));
      continue;
    }
    if (text[i] != '%') {
      format.literal(text[i]);
      continue;
    }
    const char c = last ? ' ' : text[++i];
    if (c == '%') {
      format.literal('%');
      continue;
    }
    if (kLetters.find(c) == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("--format: \"%{}\" is none of %k %v %o %p %t %T %D %h %K %V %%", c));
    }
    Part part{c, As::kBytes, {}};
    if (text.substr(i + 1).starts_with('{')) {
      const size_t end = text.find('}', i);
      if (end == std::string_view::npos) return fail(ErrorCode::kInvalidArgument, fmt::format("--format: %{}{{ is not closed by }}", c));
      const std::string_view as = text.substr(i + 2, end - i - 2);
      const bool takes = c == 'k' || c == 'v' || c == 's';
      if (as == "hex" && takes) part.as = As::kHex;
      else if (as == "base64" && takes) part.as = As::kBase64;
      else if (as == "json" && takes) part.as = As::kJson;
      else return fail(ErrorCode::kInvalidArgument, fmt::format("--format: %{}{{{}}} is not known; %k and %v take {{hex}}, {{base64}} and {{json}}", c, as));
      i = end;
    }
    format.parts_.push_back(part);
  }
  // A word without any part of a record in it is a name that does not exist.
  const bool has_part = std::ranges::any_of(format.parts_, [](const Part& part) { return part.what != 0; });
  if (!has_part) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--format \"{}\" is none of plain, keyvalue, json, raw, hex, and has no part of a record in it (%k, %v, ...)", text));
  }
  return format;
}

void RecordFormat::print_bytes(const std::optional<ByteView>& bytes, As as, std::string& out) {
  if (as == As::kJson) {
    if (!bytes) out += "null";
    else if (is_text(as_text(*bytes))) out += json_string(as_text(*bytes));
    else out += fmt::format("{{\"base64\":\"{}\"}}", base64(*bytes));
    return;
  }
  if (!bytes) return;
  if (as == As::kBytes) out += as_text(*bytes);
  else if (as == As::kBase64) out += base64(*bytes);
  else for (const std::byte byte : *bytes) fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned>(byte));
}

void RecordFormat::print(std::string_view topic, PartitionIndex partition, const record::Record& record, std::string& out) const {
  if (is_json_) return print_json(topic, partition, record, out);
  const auto size_of = [](const std::optional<ByteView>& bytes) { return bytes ? static_cast<int64_t>(bytes->size()) : -1; };
  for (const Part& part : parts_) {
    switch (part.what) {
      case 'k': print_bytes(record.key, part.as, out); break;
      case 'v':
      case 's': print_bytes(record.value, part.as, out); break;
      case 'o': fmt::format_to(std::back_inserter(out), "{}", record.offset); break;
      case 'p': fmt::format_to(std::back_inserter(out), "{}", partition); break;
      case 't': out += topic; break;
      case 'T': fmt::format_to(std::back_inserter(out), "{}", record.timestamp); break;
      case 'D': out += record.timestamp < 0 ? "-" : iso_text(record.timestamp); break;
      case 'K': fmt::format_to(std::back_inserter(out), "{}", size_of(record.key)); break;
      case 'V':
      case 'S': fmt::format_to(std::back_inserter(out), "{}", size_of(record.value)); break;
      case 'h': {
        bool first = true;
        for (const record::Header& header : record.headers.list()) {
          if (!first) out += ',';
          first = false;
          out += header.key;
          out += '=';
          print_bytes(header.value, As::kBytes, out);
        }
        break;
      }
      default: out += part.text;
    }
  }
}

void RecordFormat::print_json(std::string_view topic, PartitionIndex partition, const record::Record& record, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{{\"topic\":{},\"partition\":{},\"offset\":{},\"timestamp\":{},{},{}", json_string(topic), partition,
                 record.offset, record.timestamp, json_bytes_field("key", record.key), json_bytes_field("value", record.value));
  if (!record.headers.empty()) {
    out += ",\"headers\":[";
    bool first = true;
    for (const record::Header& header : record.headers.list()) {
      fmt::format_to(std::back_inserter(out), "{}{{{},{}}}", first ? "" : ",", json_bytes_field("key", as_bytes(header.key)),
                     json_bytes_field("value", header.value));
      first = false;
    }
    out += "]";
  }
  out += "}\n";
}

}  // namespace weir::cli
