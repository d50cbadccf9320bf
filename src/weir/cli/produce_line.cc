#include "weir/cli/produce_line.h"

#include <fmt/format.h>

#include "weir/cli/json_text.h"

namespace weir::cli {

namespace {

using codec::JsonValue;

// A field's bytes: NAME as text, or NAME_base64; anything else that is JSON stands for its own text.
Result<std::optional<std::string>> bytes_of(const JsonValue& object, std::string_view name) {
  if (const JsonValue* packed = object.field(fmt::format("{}_base64", name)); packed != nullptr && !packed->is_null()) {
    if (packed->kind != JsonValue::Kind::kText) return fail(ErrorCode::kInvalidArgument, fmt::format("{}_base64 is no text", name));
    auto bytes = from_base64(packed->text);
    if (!bytes) return fail(bytes.error().within(fmt::format("{}_base64", name)));
    return std::optional<std::string>(as_text(*bytes));
  }
  const JsonValue* plain = object.field(name);
  if (plain == nullptr || plain->is_null()) return std::optional<std::string>();
  return std::optional<std::string>(plain->kind == JsonValue::Kind::kText ? plain->text : codec::json_text_of(*plain));
}

Result<LineRecord> parse_json_line(std::string_view line, const LineRules& rules) {
  WEIR_TRY(const JsonValue object, codec::parse_json(line));
  if (object.kind != JsonValue::Kind::kObject) return fail(ErrorCode::kInvalidArgument, "this is no JSON object");
  LineRecord record;
  WEIR_TRY(record.key, bytes_of(object, "key"));
  WEIR_TRY(record.value, bytes_of(object, "value"));
  if (!object.field("value") && !object.field("value_base64")) {
    return fail(ErrorCode::kInvalidArgument, "no \"value\" (null makes a tombstone)");
  }
  if (const JsonValue* timestamp = object.field("timestamp"); timestamp != nullptr && !timestamp->is_null()) {
    if (!timestamp->whole) return fail(ErrorCode::kInvalidArgument, "\"timestamp\" is no number of milliseconds");
    record.timestamp = *timestamp->whole;
  }
  if (const JsonValue* partition = object.field("partition"); partition != nullptr && rules.keeps_partition) {
    if (!partition->whole || *partition->whole < 0 || *partition->whole > INT32_MAX) return fail(ErrorCode::kInvalidArgument, "\"partition\" is no partition");
    record.partition = static_cast<int32_t>(*partition->whole);
  }
  const JsonValue* headers = object.field("headers");
  if (headers == nullptr || headers->is_null()) return record;
  // [{"key":...,"value":...}] or {"name":"value"}.
  for (const auto& [name, value] : headers->fields) {
    record.headers.emplace_back(name, value.is_null() ? std::nullopt : std::optional(value.kind == JsonValue::Kind::kText ? value.text : codec::json_text_of(value)));
  }
  for (const JsonValue& one : headers->items) {
    WEIR_TRY(const auto key, bytes_of(one, "key"));
    WEIR_TRY(auto value, bytes_of(one, "value"));
    if (!key) return fail(ErrorCode::kInvalidArgument, "a header has no \"key\"");
    record.headers.emplace_back(*key, std::move(value));
  }
  return record;
}

}  // namespace

Result<LineRecord> parse_line(std::string_view line, const LineRules& rules) {
  if (rules.json) return parse_json_line(line, rules);
  LineRecord record;
  std::string_view value = line;
  if (rules.separator) {
    const size_t mark = line.find(*rules.separator);
    if (mark == std::string_view::npos) return fail(ErrorCode::kInvalidArgument, "no separator between key and value");
    if (mark > 0 || !rules.empty_is_null) record.key = line.substr(0, mark);
    value = line.substr(mark + rules.separator->size());
  }
  if (!value.empty() || !rules.empty_is_null) record.value = value;
  return record;
}

}  // namespace weir::cli
