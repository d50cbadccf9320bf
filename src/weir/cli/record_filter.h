// Conditions on records, as `weir consume --where` takes them. Pure.
//
//   key=user-42   value~purchase   key^=user-   value$=}   header.trace!=0   partition=3   offset>=100   timestamp<@1764000000000
//   value         there is one     !value       there is none (a tombstone)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/record/record.h"

namespace weir::cli {

class RecordFilter {
 public:
  // Every one of `conditions` must hold. Errors: kInvalidArgument, with what a condition looks like.
  static Result<RecordFilter> parse(const std::vector<std::string>& conditions, TimestampMs now);

  bool is_empty() const { return conditions_.empty(); }
  bool holds(PartitionIndex partition, const record::Record& record) const;

 private:
  enum class Field : uint8_t { kKey, kValue, kHeader, kPartition, kOffset, kTimestamp, kSize };
  enum class Test : uint8_t { kIs, kIsNot, kContains, kLacks, kBegins, kEnds, kAbove, kBelow, kAtLeast, kAtMost, kExists, kMissing };
  struct Condition {
    Field field = Field::kValue;
    Test test = Test::kIs;
    std::string header;
    std::string text;
    int64_t number = 0;
  };
  static Result<Condition> parse_one(std::string_view text, TimestampMs now);
  static bool holds_text(const Condition& condition, const std::optional<ByteView>& bytes);
  static bool holds_number(const Condition& condition, int64_t number);

  std::vector<Condition> conditions_;
};

}  // namespace weir::cli
