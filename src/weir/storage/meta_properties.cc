#include "weir/storage/meta_properties.h"

#include <fmt/format.h>

#include "weir/storage/text_fields.h"

namespace weir::storage {
namespace {

constexpr uint64_t kMetaPropertiesBytesMax = 64 << 10;
constexpr std::string_view kBlanks = " \t\f";

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

bool ends_with_odd_backslashes(std::string_view line) {
  size_t count = 0;
  while (count < line.size() && line[line.size() - 1 - count] == '\\') ++count;
  return count % 2 == 1;
}

// Takes the escapes out of a key or value; bytes above 127 are ISO-8859-1.
std::optional<std::string> unescape_property(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      append_utf8(out, static_cast<unsigned char>(text[i]));
      continue;
    }
    if (++i == text.size()) return out;
    switch (text[i]) {
      case 't': out += '\t'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 'f': out += '\f'; break;
      case 'u': {
        uint32_t code = 0;
        if (i + 4 >= text.size()) return std::nullopt;
        const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 5, code, 16);
        if (error != std::errc() || end != text.data() + i + 5) return std::nullopt;
        append_utf8(out, code);
        i += 4;
        break;
      }
      default: out += text[i];
    }
  }
  return out;
}

// The character of one to three bytes at the front of UTF-8 `text`, and how many; a byte that begins none counts for itself.
std::pair<uint32_t, size_t> first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint32_t>(static_cast<unsigned char>(text[i])) : 0; };
  const auto continues = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  if ((byte(0) & 0xe0) == 0xc0 && continues(1)) return {(byte(0) & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if ((byte(0) & 0xf0) == 0xe0 && continues(1) && continues(2)) {
    return {(byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
  }
  return {byte(0), 1};
}

// So that java.util.Properties reads it back: the file is ISO-8859-1, and what has a meaning in it gets a backslash.
std::string escape_property(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto [code, bytes] = first_character(text);
    text.remove_prefix(bytes);
    if (code < 0x20 || code > 0x7e) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
      continue;
    }
    if (std::string_view("\\:=#! ").find(static_cast<char>(code)) != std::string_view::npos) out += '\\';
    out += static_cast<char>(code);
  }
  return out;
}

std::unexpected<Error> malformed_meta(std::string_view path, std::string_view what) {
  return fail(ErrorCode::kMalformedFile, fmt::format("{}: {}", path, what));
}

}  // namespace

Result<std::map<std::string, std::string>> parse_properties(std::string_view text) {
  std::map<std::string, std::string> properties;
  const auto lines = split_lines(text);
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty() || line[0] == '#' || line[0] == '!') continue;
    const size_t first_line = i;
    std::string whole(line);
    while (ends_with_odd_backslashes(whole)) {
      whole.pop_back();
      if (i + 1 == lines.size()) break;
      std::string_view more = lines[++i];
      more.remove_prefix(std::min(more.find_first_not_of(kBlanks), more.size()));
      whole += more;
    }
    size_t key_end = 0;
    while (key_end < whole.size() && std::string_view("=: \t\f").find(whole[key_end]) == std::string_view::npos) {
      key_end += whole[key_end] == '\\' ? 2 : 1;
    }
    key_end = std::min(key_end, whole.size());
    size_t value_begin = std::min(whole.find_first_not_of(kBlanks, key_end), whole.size());
    if (value_begin < whole.size() && (whole[value_begin] == '=' || whole[value_begin] == ':')) {
      value_begin = std::min(whole.find_first_not_of(kBlanks, value_begin + 1), whole.size());
    }
    const std::string_view view(whole);
    const auto key = unescape_property(view.substr(0, key_end));
    const auto value = unescape_property(view.substr(value_begin));
    if (!key || !value) return fail(ErrorCode::kMalformedFile, fmt::format("line {}: broken \\u escape", first_line + 1));
    properties[*key] = *value;
  }
  return properties;
}

Result<MetaProperties> parse_meta_properties(std::string_view text, std::string_view path) {
  const auto parsed = parse_properties(text);
  if (!parsed) return malformed_meta(path, parsed.error().message());
  const auto value_of = [&](const char* key) {
    const auto found = parsed->find(key);
    return found == parsed->end() ? std::string() : found->second;
  };
  MetaProperties properties;
  const auto version = parse_number<int>(value_of("version"));
  if (!version) return malformed_meta(path, "no \"version\" in it; is this a log directory of Kafka or Weir?");
  if (*version != 0 && *version != 1) return malformed_meta(path, fmt::format("version {} is not 0 or 1", *version));
  properties.version = *version;
  properties.cluster_id = value_of("cluster.id");
  if (*version == 1 && properties.cluster_id.empty()) return malformed_meta(path, "\"cluster.id\" is missing");
  const char* node_key = *version == 0 ? "broker.id" : "node.id";
  if (const std::string node = value_of(node_key); !node.empty()) {
    const auto id = parse_number<int32_t>(node);
    if (!id || *id < 0) return malformed_meta(path, fmt::format("{} = \"{}\" is not a node number", node_key, node));
    properties.node_id = BrokerId(*id);
  } else if (*version == 1) {
    return malformed_meta(path, "\"node.id\" is missing");
  }
  if (const std::string directory = value_of("directory.id"); !directory.empty()) {
    const auto id = Uuid::parse(directory);
    if (!id) return malformed_meta(path, fmt::format("directory.id = \"{}\" is not a 22-character id", directory));
    properties.directory_id = *id;
  }
  return properties;
}

std::string format_meta_properties(const MetaProperties& properties) {
  std::string text = "#\n";
  fmt::format_to(std::back_inserter(text), "cluster.id={}\n", escape_property(properties.cluster_id));
  if (!properties.directory_id.is_zero()) fmt::format_to(std::back_inserter(text), "directory.id={}\n", properties.directory_id.text());
  fmt::format_to(std::back_inserter(text), "node.id={}\nversion=1\n", properties.node_id.value());
  return text;
}

runtime::Task<Result<std::optional<MetaProperties>>> read_meta_properties(runtime::Disk& disk, std::string dir) {
  const std::string path = fmt::format("{}/{}", dir, kMetaPropertiesFile);
  const Result<Bytes> content = co_await runtime::read_file(disk, path, kMetaPropertiesBytesMax);
  if (!content) {
    if (content.error().code() == ErrorCode::kNotFound) co_return std::nullopt;
    co_return fail(content.error());
  }
  WEIR_CO_TRY(MetaProperties properties, parse_meta_properties(as_text(*content), path));
  co_return properties;
}

runtime::Task<Result<void>> write_meta_properties(runtime::Disk& disk, std::string dir, MetaProperties properties) {
  co_return co_await runtime::write_file_atomically(disk, fmt::format("{}/{}", dir, kMetaPropertiesFile),
                                                    to_bytes(format_meta_properties(properties)));
}

}  // namespace weir::storage
