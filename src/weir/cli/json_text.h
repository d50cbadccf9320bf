// JSON as text, field by field: what --json prints.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "weir/base/bytes.h"

namespace weir::cli {

// A JSON string, quotes included. Text that is no UTF-8 must go through json_bytes_field.
std::string json_string(std::string_view text);
std::string base64(ByteView bytes);
// "name":"text", or "name_base64":"..." when the bytes are no UTF-8, or "name":null.
std::string json_bytes_field(std::string_view name, std::optional<ByteView> bytes);

}  // namespace weir::cli
