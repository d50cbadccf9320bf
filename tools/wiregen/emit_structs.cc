#include <algorithm>
#include <array>
#include <map>

#include <fmt/core.h>

#include "emit.h"

namespace wiregen {
namespace {

std::string cpp_base(const Field& field) {
  if (!field.strong.empty()) return field.strong;
  static const std::map<std::string, std::string> kTypes = {
      {"bool", "bool"},          {"int8", "int8_t"},       {"int16", "int16_t"},  {"uint16", "uint16_t"}, {"int32", "int32_t"},
      {"uint32", "uint32_t"},    {"int64", "int64_t"},     {"float64", "double"}, {"uuid", "Uuid"},       {"error", "ErrorCode"},
      {"string", "std::string"}, {"bytes", "SharedBytes"}, {"records", "Records"}};
  const auto found = kTypes.find(field.base);
  return found == kTypes.end() ? field.base : found->second;
}

bool is_optional(const Field& field) { return !field.nullable.empty() && field.base != "records"; }

std::string cpp_type(const Field& field) {
  std::string type = cpp_base(field);
  if (field.is_array) type = "std::vector<" + type + ">";
  if (is_optional(field)) type = "std::optional<" + type + ">";
  return type;
}

bool defaults_to_null(const Field& field) { return field.has_default && field.default_value == "null"; }

// The text after the member's name: {-1}, = true, = std::string().
std::string initializer(const Field& field) {
  if (is_optional(field)) {
    if (defaults_to_null(field)) return "";
    std::string type = cpp_base(field);
    if (field.is_array) type = "std::vector<" + type + ">";
    return " = " + type + "()";
  }
  if (field.base == "records") return defaults_to_null(field) ? " = Records::null()" : "";
  if (field.is_array || field.is_struct || field.base == "string" || field.base == "bytes" || field.base == "uuid") return "";
  const std::string value = field.has_default ? field.default_value : field.base == "bool" ? "false" : "0";
  if (field.base == "error") return " = ErrorCode::kNone";
  if (value == "-2147483648") return " = INT32_MIN";
  return field.strong.empty() ? " = " + value : "{" + value + "}";
}

std::string versions_text(Range versions, Range all) {
  if (versions == all) return "";
  if (versions.last == all.last) return fmt::format("{}+", versions.first);
  if (versions.first == versions.last) return fmt::format("{}", versions.first);
  return fmt::format("{}-{}", versions.first, versions.last);
}

std::string members(const Struct& block, const Message& message, std::string_view indent) {
  std::string out;
  for (const Field& field : block.fields) {
    std::string line = fmt::format("{}{} {}{};", indent, cpp_type(field), field.name, initializer(field));
    std::string note = versions_text(field.versions, message.versions);
    if (field.secret) note += note.empty() ? "secret" : ", secret";
    if (!note.empty()) line = fmt::format("{:<55}  // {}", line, note);
    out += line + "\n";
  }
  return out;
}

// Inside a class, std::optional<T> of a T defined in the same class asks whether T has a default constructor before its
// member initialisers are known, and remembers "no". Messages with such a member have their structs outside, under aliases.
bool holds_optional_struct(const Message& message) {
  return std::ranges::any_of(message.structs, [](const Struct& block) {
    return std::ranges::any_of(block.fields,
                               [](const Field& field) { return field.is_struct && !field.is_array && is_optional(field); });
  });
}

std::string nested(const Struct& block, const Message& message, const std::string& name, std::string_view indent) {
  // The structs it uses are known by their aliases only inside the message.
  Struct renamed = block;
  if (indent.empty()) {
    for (Field& field : renamed.fields) {
      if (field.is_struct) field.base = message.name + field.base;
    }
  }
  return fmt::format("{0}struct {1} {{\n{2}{0}  static const Struct kWire;\n{0}}};\n", indent, name,
                     members(renamed, message, std::string(indent) + "  "));
}

std::string opening(const Page& page) {
  std::string out;
  for (const std::string& line : page.opening) out += "// " + line + "\n";
  return out;
}

std::string page_path(const Page& page) { return (page.folder.empty() ? "schema/" : "records/" + page.folder + "/") + page.file; }

int fixed_size(const Field& field) {
  static const std::map<std::string, int> kSizes = {{"bool", 1},  {"int8", 1},   {"int16", 2}, {"uint16", 2},  {"error", 2},
                                                    {"int32", 4}, {"uint32", 4}, {"int64", 8}, {"float64", 8}, {"uuid", 16}};
  const auto found = kSizes.find(field.base);
  return found == kSizes.end() ? -1 : found->second;
}

// The least bytes that `block` takes on the wire in `version`.
int least_size(const Struct& block, const Message& message, int version) {
  const bool flexible = version >= message.flexible_from;
  int size = flexible ? 1 : 0;
  for (const Field& field : block.fields) {
    if (!field.versions.has(version) || field.tagged.has(version)) continue;
    if (field.is_array || field.base == "bytes" || field.base == "records") {
      size += flexible ? 1 : 4;
    } else if (field.base == "string") {
      size += flexible && !field.fixed ? 1 : 2;
    } else if (field.is_struct) {
      const auto& inner = *std::ranges::find(message.structs, field.base, &Struct::name);
      size += field.nullable.has(version) ? 1 : least_size(inner, message, version);
    } else {
      size += fixed_size(field);
    }
  }
  return size;
}

int least_size(const Struct& block, const Message& message) {
  int least = kOpenEnd;
  for (int version = block.versions.first; version <= block.versions.last; ++version) {
    least = std::min(least, least_size(block, message, version));
  }
  return std::max(least, 1);
}

std::string kind_name(const Field& field) {
  if (field.is_struct) return "kStruct";
  std::string name = field.base;
  name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return "k" + name;
}

std::string range_text(Range range) { return fmt::format("{{{}, {}}}", range.first, range.last); }

std::string qualified(const Message& message, const std::string& block) {
  return block == message.name ? message.name : message.name + "::" + block;
}

std::string row(const Field& field, const Message& message, const std::string& self) {
  std::string out = fmt::format("    {{.name = \"{}\", .offset = offsetof({}, {}), .kind = Kind::{}", field.name, self,
                                field.name, kind_name(field));
  if (field.is_array) out += ", .is_array = true";
  if (is_optional(field)) out += ", .is_optional = true";
  if (field.ignorable) out += ", .ignorable = true";
  if (field.fixed) out += ", .fixed = true";
  if (field.secret) out += ", .secret = true";
  if (field.is_key) out += ", .is_key = true";
  if (defaults_to_null(field)) out += ", .default_null = true";
  if (field.tag >= 0) out += fmt::format(", .tag = {}", field.tag);
  out += ", .versions = " + range_text(field.versions);
  if (!field.nullable.empty()) out += ", .nullable = " + range_text(field.nullable);
  if (!field.tagged.empty()) out += ", .tagged = " + range_text(field.tagged);
  if (field.has_default && field.default_value != "null") {
    out += ", .default_value = " + (field.default_value == "true"    ? "1"
                                    : field.default_value == "false" ? "0"
                                                                     : field.default_value);
  }
  if (field.is_struct) out += fmt::format(", .type = &{}::kWire", qualified(message, field.base));
  if (field.is_array || (field.is_struct && is_optional(field))) {
    out += fmt::format(", .sequence = &detail::SequenceOf<decltype({}::{})>::kSequence", self, field.name);
  }
  return out + "},\n";
}

std::string table(const Struct& block, const Message& message) {
  const std::string self = qualified(message, block.name);
  const std::string prefix = "k" + message.name + (block.name == message.name ? "" : "_" + block.name);
  std::string out;
  std::vector<std::pair<int, size_t>> tags;
  if (!block.fields.empty()) {
    out += fmt::format("constexpr Field {}Fields[] = {{\n", prefix);
    for (size_t i = 0; i < block.fields.size(); ++i) {
      out += row(block.fields[i], message, self);
      if (block.fields[i].tag >= 0) tags.emplace_back(block.fields[i].tag, i);
    }
    out += "};\n";
  }
  std::ranges::sort(tags);
  if (!tags.empty()) {
    out += fmt::format("constexpr uint8_t {}Tags[] = {{", prefix);
    for (size_t i = 0; i < tags.size(); ++i) out += fmt::format("{}{}", i == 0 ? "" : ", ", tags[i].second);
    out += "};\n";
  }
  out += fmt::format("constinit const Struct {}::kWire{{.name = \"{}\"", self, block.name);
  if (!block.fields.empty()) out += fmt::format(", .fields = {}Fields", prefix);
  if (!tags.empty()) out += fmt::format(", .by_tag = {}Tags", prefix);
  out += fmt::format(", .size_min = {}, .stride = sizeof({})}};\n", least_size(block, message), self);
  return out;
}

std::string flexible_text(const Message& message) {
  return message.flexible_from == kOpenEnd ? "kNever" : std::to_string(message.flexible_from);
}

constexpr std::array kKindNames = {"kRequest", "kResponse", "kHeader", "kData", "kRecord", "kKey", "kValue"};

}  // namespace

std::string header_path(const Page& page) {
  return "weir/protocol/" + (page.folder.empty() ? "" : page.folder + "/") + page.stem + ".h";
}

std::string emit_header(const Page& page) {
  std::string out = fmt::format("// Generated by wiregen from src/weir/protocol/{}; do not edit.\n{}#pragma once\n\n",
                                page_path(page), opening(page));
  if (page.messages[0].kind == Kind::kRequest) out += "#include \"weir/protocol/api_keys.h\"\n";
  out += "#include \"weir/protocol/wire.h\"\n\nnamespace weir::protocol {\n\n";
  for (const Message& message : page.messages) {
    if (message.kind == Kind::kRequest) out += fmt::format("struct {}Response;\n\n", message.api);
    const bool outside = holds_optional_struct(message);
    for (const Struct& block : message.structs) {
      if (outside && block.name != message.name) out += nested(block, message, message.name + block.name, "") + "\n";
    }
    out += fmt::format("struct {} {{\n", message.name);
    if (message.kind == Kind::kRequest || message.kind == Kind::kResponse) {
      out += fmt::format("  static constexpr ApiKey kApiKey = ApiKey::k{};\n", message.api);
      if (message.kind == Kind::kRequest) out += fmt::format("  using Response = {}Response;\n", message.api);
    } else if (message.key >= 0) {
      out += fmt::format("  static constexpr int16_t kType = {};\n", message.key);
    }
    out += fmt::format("  static constexpr VersionRange kVersions{{{}, {}}};\n", message.versions.first, message.versions.last);
    out += fmt::format("  static constexpr int16_t kFlexibleFrom = {};\n\n", flexible_text(message));
    for (const Struct& block : message.structs) {
      if (block.name == message.name) continue;
      out +=
          outside ? fmt::format("  using {0} = {1}{0};\n", block.name, message.name) : nested(block, message, block.name, "  ");
    }
    if (message.structs.size() > 1) out += "\n";
    out += members(message.root(), message, "  ");
    out += "  static const Struct kWire;\n  static const Message kMessage;\n};\n\n";
  }
  return out + "}  // namespace weir::protocol\n";
}

std::string emit_source(const Page& page) {
  std::string out = fmt::format("// Generated by wiregen from src/weir/protocol/{}; do not edit.\n#include \"{}\"\n\n",
                                page_path(page), header_path(page));
  out += "namespace weir::protocol {\n\n";
  for (const Message& message : page.messages) {
    for (const Struct& block : message.structs) out += table(block, message);
    out += fmt::format(
        "constinit const Message {0}::kMessage{{.name = \"{0}\", .page = \"{1}\", .kind = MessageKind::{2}, .key = {3},\n"
        "    .versions = {4}, .flexible_from = {5}, .root = &{0}::kWire, .make = detail::make_instance<{0}>,\n"
        "    .destroy = detail::destroy_instance<{0}>}};\n\n",
        message.name, page_path(page), kKindNames[static_cast<size_t>(message.kind)], message.key, range_text(message.versions),
        flexible_text(message));
  }
  return out + "}  // namespace weir::protocol\n";
}

}  // namespace wiregen
