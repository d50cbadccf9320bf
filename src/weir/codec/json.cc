#include "weir/codec/json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>

#include <utility>

#include <fmt/format.h>

namespace weir::codec {

namespace {

namespace json = boost::json;

// Builds the tree as the parser goes, with every number as it was written: who copies a value must not round it.
class TreeBuilder {
 public:
  static constexpr size_t max_object_size = SIZE_MAX;
  static constexpr size_t max_array_size = SIZE_MAX;
  static constexpr size_t max_key_size = SIZE_MAX;
  static constexpr size_t max_string_size = SIZE_MAX;

  JsonValue& tree() { return root_; }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return open(JsonValue::Kind::kObject); }
  bool on_object_end(size_t, json::error_code&) { return close(); }
  bool on_array_begin(json::error_code&) { return open(JsonValue::Kind::kArray); }
  bool on_array_end(size_t, json::error_code&) { return close(); }
  bool on_key_part(json::string_view part, size_t, json::error_code&) { return more(part); }
  bool on_key(json::string_view part, size_t, json::error_code&) {
    more(part);
    key_ = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(json::string_view part, size_t, json::error_code&) { return more(part); }
  bool on_string(json::string_view part, size_t, json::error_code&) { return leaf(JsonValue::Kind::kText, part); }
  bool on_number_part(json::string_view part, json::error_code&) { return more(part); }
  bool on_int64(int64_t number, json::string_view part, json::error_code&) { return leaf(JsonValue::Kind::kNumber, part, number); }
  bool on_uint64(uint64_t, json::string_view part, json::error_code&) { return leaf(JsonValue::Kind::kNumber, part); }
  bool on_double(double, json::string_view part, json::error_code&) { return leaf(JsonValue::Kind::kNumber, part); }
  bool on_bool(bool flag, json::error_code&) {
    JsonValue& value = place(JsonValue::Kind::kBool);
    value.flag = flag;
    return true;
  }
  bool on_null(json::error_code&) {
    place(JsonValue::Kind::kNull);
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  // A new value where the next one belongs. Parents do not move while their last child is open.
  JsonValue& place(JsonValue::Kind kind) {
    JsonValue* value = &root_;
    if (!open_.empty() && open_.back()->kind == JsonValue::Kind::kArray) value = &open_.back()->items.emplace_back();
    else if (!open_.empty()) value = &open_.back()->fields.emplace_back(JsonField{std::exchange(key_, {}), {}}).value;
    value->kind = kind;
    return *value;
  }
  bool open(JsonValue::Kind kind) {
    open_.push_back(&place(kind));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool more(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool leaf(JsonValue::Kind kind, json::string_view part, std::optional<int64_t> whole = std::nullopt) {
    more(part);
    JsonValue& value = place(kind);
    value.text = std::exchange(text_, {});
    value.whole = whole;
    return true;
  }

  JsonValue root_;
  std::vector<JsonValue*> open_;  // from the root to where the parser is
  std::string text_;              // of what is half read
  std::string key_;
};

}  // namespace

JsonValue::JsonValue() = default;
JsonValue::JsonValue(JsonValue&&) noexcept = default;
JsonValue& JsonValue::operator=(JsonValue&&) noexcept = default;
JsonValue::~JsonValue() = default;

const JsonValue* JsonValue::field(std::string_view name) const {
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    if (field->name == name) return &field->value;
  }
  return nullptr;
}

Result<JsonValue> parse_json(std::string_view text) {
  json::basic_parser<TreeBuilder> parser{json::parse_options()};
  json::error_code error;
  const size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && text.substr(read).find_first_not_of(" \t\r\n") != std::string_view::npos) error = json::error::extra_data;
  if (error) return fail(ErrorCode::kInvalidArgument, fmt::format("no JSON: {} at byte {}", error.message(), read));
  return std::move(parser.handler().tree());
}

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

}  // namespace weir::codec
