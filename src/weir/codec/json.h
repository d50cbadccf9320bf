// JSON text as a tree: quorum-state, manifests of backups, what `weir produce --input json` reads.
//
// Owner    whoever holds the value. Pure.
// Holds    - of a number nothing is lost: its text is kept as it was written
//
// Boost.JSON is included by json.cc only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/error.h"

namespace weir::codec {

struct JsonField;

struct JsonValue {
  enum class Kind : uint8_t { kNull, kBool, kNumber, kText, kArray, kObject };
  Kind kind = Kind::kNull;
  bool flag = false;
  std::optional<int64_t> whole;   // of a number without fraction that fits
  std::string text;               // of a text; of a number as it was written
  std::vector<JsonValue> items;
  std::vector<JsonField> fields;

  JsonValue();
  JsonValue(JsonValue&&) noexcept;
  JsonValue& operator=(JsonValue&&) noexcept;
  ~JsonValue();
  // The last of that name; null when it is no object or has no such field.
  const JsonValue* field(std::string_view name) const;
  bool is_null() const { return kind == Kind::kNull; }
};

struct JsonField {
  std::string name;
  JsonValue value;
};

// A JSON string, quotes included. The text is UTF-8.
std::string json_string(std::string_view text);
// Errors: kInvalidArgument, what is wrong and at which byte.
Result<JsonValue> parse_json(std::string_view text);
// Without spaces.
std::string json_text_of(const JsonValue& value);

}  // namespace weir::codec
