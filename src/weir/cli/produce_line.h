// A line of input as a record. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"

namespace weir::cli {

struct LineRules {
  bool json = false;                     // a JSON object a line, as weir consume --json writes them
  std::optional<std::string> separator;  // between key and value
  bool empty_is_null = false;
  bool keeps_partition = false;          // of the JSON object
};

// Texts are copies: the line may go.
struct LineRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::optional<int32_t> partition;
  TimestampMs timestamp = kNoTimestamp;
};

// Errors: kInvalidArgument, without the line's number.
Result<LineRecord> parse_line(std::string_view line, const LineRules& rules);

}  // namespace weir::cli
