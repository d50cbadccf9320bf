// JSON as text, field by field: what --json prints.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/codec/json.h"

namespace weir::cli {

using codec::json_string;  // text that is no UTF-8 must go through json_bytes_field

std::string base64(ByteView bytes);
// Errors: kInvalidArgument.
Result<Bytes> from_base64(std::string_view text);
// "name":"text", or "name_base64":"..." when the bytes are no UTF-8, or "name":null.
std::string json_bytes_field(std::string_view name, std::optional<ByteView> bytes);

}  // namespace weir::cli
