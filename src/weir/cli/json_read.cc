#include "weir/cli/json_read.h"

#include <boost/json/src.hpp>

#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/json_text.h"

namespace weir::cli {

namespace {

namespace json = boost::json;

JsonValue to_tree(const json::value& from) {
  using Kind = JsonValue::Kind;
  JsonValue to;
  switch (from.kind()) {
    case json::kind::null: break;
    case json::kind::bool_:
      to.kind = Kind::kBool;
      to.flag = from.get_bool();
      break;
    case json::kind::int64:
      to.kind = Kind::kNumber;
      to.whole = from.get_int64();
      to.text = fmt::to_string(*to.whole);
      break;
    case json::kind::uint64:
      to.kind = Kind::kNumber;
      to.text = fmt::to_string(from.get_uint64());
      break;
    case json::kind::double_:
      to.kind = Kind::kNumber;
      to.text = fmt::to_string(from.get_double());
      break;
    case json::kind::string:
      to.kind = Kind::kText;
      to.text = std::string(from.get_string().data(), from.get_string().size());
      break;
    case json::kind::array:
      to.kind = Kind::kArray;
      for (const json::value& item : from.get_array()) to.items.push_back(to_tree(item));
      break;
    case json::kind::object:
      to.kind = Kind::kObject;
      for (const auto& field : from.get_object()) to.fields.push_back({std::string(field.key().data(), field.key().size()), to_tree(field.value())});
      break;
  }
  return to;
}

}  // namespace

JsonValue::JsonValue() = default;
JsonValue::JsonValue(JsonValue&&) noexcept = default;
JsonValue& JsonValue::operator=(JsonValue&&) noexcept = default;
JsonValue::~JsonValue() = default;

const JsonValue* JsonValue::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &JsonField::name);
  return found == fields.end() ? nullptr : &found->value;
}

Result<JsonValue> parse_json(std::string_view text) {
  json::stream_parser parser;
  json::error_code error;
  const size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && read == text.size()) parser.finish(error);
  else if (!error && text.substr(read).find_first_not_of(" \t\r\n") != std::string_view::npos) error = json::error::extra_data;
  if (error) return fail(ErrorCode::kInvalidArgument, fmt::format("no JSON: {} at byte {}", error.message(), read));
  return to_tree(parser.release());
}

std::string json_text_of(const JsonValue& value) {
  using Kind = JsonValue::Kind;
  std::string out;
  switch (value.kind) {
    case Kind::kNull: return "null";
    case Kind::kBool: return value.flag ? "true" : "false";
    case Kind::kNumber: return value.text;
    case Kind::kText: return json_string(value.text);
    case Kind::kArray:
      for (const JsonValue& item : value.items) out += (out.empty() ? "" : ",") + json_text_of(item);
      return "[" + out + "]";
    case Kind::kObject:
      for (const auto& [name, field] : value.fields) out += (out.empty() ? "" : ",") + json_string(name) + ":" + json_text_of(field);
      return "{" + out + "}";
  }
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes out;
  uint32_t word = 0;
  size_t digits = 0;
  const std::string_view body = text.substr(0, text.find('='));
  const size_t padding = text.size() - body.size();
  bool is_wrong = text.size() % 4 != 0 || padding > 2 || text.substr(body.size()).find_first_not_of('=') != std::string_view::npos;
  for (const char c : body) {
    const size_t digit = kAlphabet.find(c);
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

}  // namespace weir::cli
