// JSON text as a tree: what `weir produce --input json` and the manifests of backups are read with. The only file behind it,
// json_read.cc, knows Boost.JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"

namespace weir::cli {

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

// Errors: kInvalidArgument, what is wrong and at which byte.
Result<JsonValue> parse_json(std::string_view text);
// Without spaces.
std::string json_text_of(const JsonValue& value);

Result<Bytes> from_base64(std::string_view text);

}  // namespace weir::cli
