#include "weir/cli/record_filter.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "weir/cli/record_format.h"
#include "weir/cli/when.h"

namespace weir::cli {

namespace {

constexpr std::string_view kHeaderPrefix = "header.";
constexpr std::string_view kForms =
    "FIELD=TEXT, !=, ~ (contains), !~, ^= (begins with), $= (ends with); < <= > >= for numbers; FIELD or !FIELD alone\n"
    "fields: key, value, header.NAME, partition, offset, timestamp, size";

std::unexpected<Error> wrong_condition(std::string_view text, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("--where \"{}\": {}\n{}", text, what, kForms));
}

}  // namespace

Result<RecordFilter::Condition> RecordFilter::parse_one(std::string_view text, TimestampMs now) {
  constexpr std::pair<std::string_view, Test> kTests[] = {{"!=", Test::kIsNot}, {"!~", Test::kLacks},  {"^=", Test::kBegins}, {"$=", Test::kEnds}, {">=", Test::kAtLeast},
                                                          {"<=", Test::kAtMost}, {"=", Test::kIs},      {"~", Test::kContains}, {">", Test::kAbove}, {"<", Test::kBelow}};
  constexpr std::pair<std::string_view, Field> kFields[] = {{"key", Field::kKey},       {"value", Field::kValue},         {"partition", Field::kPartition},
                                                            {"offset", Field::kOffset}, {"timestamp", Field::kTimestamp}, {"size", Field::kSize}};
  Condition condition;
  const bool is_missing = text.starts_with('!');
  const std::string_view rest = is_missing ? text.substr(1) : text;
  const size_t end = std::min(rest.find_first_of("!~^$=<>"), rest.size());
  const std::string_view name = rest.substr(0, end);
  const std::string_view tail = rest.substr(end);
  if (name.starts_with(kHeaderPrefix) && name.size() > kHeaderPrefix.size()) {
    condition.field = Field::kHeader;
    condition.header = name.substr(kHeaderPrefix.size());
  } else {
    const auto field = std::ranges::find(kFields, name, [](const auto& one) { return one.first; });
    if (field == std::end(kFields)) return wrong_condition(text, fmt::format("\"{}\" is no part of a record", name));
    condition.field = field->second;
  }
  if (tail.empty()) {
    condition.test = is_missing ? Test::kMissing : Test::kExists;
    return condition;
  }
  const auto test = std::ranges::find_if(kTests, [&](const auto& one) { return tail.starts_with(one.first); });
  if (is_missing || test == std::end(kTests)) return wrong_condition(text, "this is no comparison");
  condition.test = test->second;
  condition.text = unescape(tail.substr(test->first.size()));
  const bool is_text = condition.field == Field::kKey || condition.field == Field::kValue || condition.field == Field::kHeader;
  const bool is_text_test = condition.test == Test::kContains || condition.test == Test::kLacks || condition.test == Test::kBegins || condition.test == Test::kEnds;
  if (is_text) {
    const bool is_order = condition.test == Test::kAbove || condition.test == Test::kBelow || condition.test == Test::kAtLeast || condition.test == Test::kAtMost;
    if (is_order) return wrong_condition(text, fmt::format("{} is text", name));
    return condition;
  }
  if (is_text_test) return wrong_condition(text, fmt::format("{} is a number", name));
  const char* last = condition.text.data() + condition.text.size();
  const auto [at, error] = std::from_chars(condition.text.data(), last, condition.number);
  const bool is_number = error == std::errc() && at == last;
  if (condition.field == Field::kTimestamp && !is_number) {
    WEIR_TRY(const When when, parse_when("--where timestamp", condition.text, now));
    if (when.kind == When::Kind::kTime) {
      condition.number = when.value;
      return condition;
    }
  }
  if (!is_number) return wrong_condition(text, fmt::format("\"{}\" is no number", condition.text));
  return condition;
}

Result<RecordFilter> RecordFilter::parse(const std::vector<std::string>& conditions, TimestampMs now) {
  RecordFilter filter;
  for (const std::string& text : conditions) {
    WEIR_TRY(Condition condition, parse_one(text, now));
    filter.conditions_.push_back(std::move(condition));
  }
  return filter;
}

bool RecordFilter::holds_text(const Condition& condition, const std::optional<ByteView>& bytes) {
  if (condition.test == Test::kExists) return bytes.has_value();
  if (condition.test == Test::kMissing) return !bytes.has_value();
  // What is not there is unlike every text.
  if (!bytes) return condition.test == Test::kIsNot || condition.test == Test::kLacks;
  const std::string_view text = as_text(*bytes);
  switch (condition.test) {
    case Test::kIs: return text == condition.text;
    case Test::kIsNot: return text != condition.text;
    case Test::kContains: return text.find(condition.text) != std::string_view::npos;
    case Test::kLacks: return text.find(condition.text) == std::string_view::npos;
    case Test::kBegins: return text.starts_with(condition.text);
    case Test::kEnds: return text.ends_with(condition.text);
    default: return false;
  }
}

bool RecordFilter::holds_number(const Condition& condition, int64_t number) {
  switch (condition.test) {
    case Test::kIs: return number == condition.number;
    case Test::kIsNot: return number != condition.number;
    case Test::kAbove: return number > condition.number;
    case Test::kBelow: return number < condition.number;
    case Test::kAtLeast: return number >= condition.number;
    case Test::kAtMost: return number <= condition.number;
    case Test::kExists: return true;
    default: return false;
  }
}

bool RecordFilter::holds(PartitionIndex partition, const record::Record& record) const {
  return std::ranges::all_of(conditions_, [&](const Condition& condition) {
    switch (condition.field) {
      case Field::kKey: return holds_text(condition, record.key);
      case Field::kValue: return holds_text(condition, record.value);
      case Field::kPartition: return holds_number(condition, partition.value());
      case Field::kOffset: return holds_number(condition, record.offset.value());
      case Field::kTimestamp: return holds_number(condition, record.timestamp);
      case Field::kSize: return holds_number(condition, record.value ? static_cast<int64_t>(record.value->size()) : -1);
      case Field::kHeader: {
        std::optional<ByteView> found;
        for (const record::Header& header : record.headers.list()) {
          if (header.key == condition.header) found = header.value.value_or(ByteView());
        }
        return holds_text(condition, found);
      }
    }
    return false;
  });
}

}  // namespace weir::cli
