#include "weir/cli/units.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace weir::cli {

namespace {

constexpr int64_t kSecondMs = 1000;
constexpr int64_t kMinuteMs = 60 * kSecondMs;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kDayInMs = 24 * kHourMs;

bool take_letter(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

int64_t unit_ms(std::string_view unit, bool is_iso, bool after_t) {
  if (is_iso) {
    if (!after_t) return unit == "D" ? kDayInMs : unit == "W" ? 7 * kDayInMs : 0;
    return unit == "H" ? kHourMs : unit == "M" ? kMinuteMs : unit == "S" ? kSecondMs : 0;
  }
  if (unit == "ms") return 1;
  return unit == "s" ? kSecondMs : unit == "m" || unit == "min" ? kMinuteMs : unit == "h" ? kHourMs : unit == "d" ? kDayInMs : 0;
}

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

// A number that is not below 0, off the front of `text`; "nan" is none.
std::optional<double> take_number(std::string_view& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number >= 0)) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

std::optional<int64_t> timespan_of(std::string_view text) {
  const bool is_iso = take_letter(text, 'P');
  bool after_t = false;
  double total = 0;
  bool has_part = false;
  while (!text.empty()) {
    if (is_iso && !after_t && take_letter(text, 'T')) {
      after_t = true;
      continue;
    }
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    size_t letters = 0;
    while (letters < text.size() && (text[letters] < '0' || text[letters] > '9') && (!is_iso || letters == 0)) ++letters;
    const std::string_view word = text.substr(0, letters);
    const int64_t unit = is_iso ? unit_ms(word, true, after_t) : unit_ms(lowered(word), false, false);
    if (unit == 0) return std::nullopt;
    text.remove_prefix(letters);
    total += *number * static_cast<double>(unit);
    has_part = true;
  }
  if (!has_part || total > static_cast<double>(kTimespanMaxMs)) return std::nullopt;
  return static_cast<int64_t>(total);
}

}  // namespace

Result<int64_t> parse_timespan(std::string_view text) {
  if (const auto ms = timespan_of(text)) return *ms;
  return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no duration; like 90m, 2h30m, 1d or PT1H30M", text));
}

Result<uint64_t> parse_byte_count(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"", 1}, {"b", 1}, {"k", 1 << 10}, {"kib", 1 << 10}, {"m", 1 << 20}, {"mib", 1 << 20}, {"g", 1 << 30}, {"gib", 1 << 30}};
  std::string_view rest = text;
  const auto number = take_number(rest);
  const std::string word = lowered(rest);
  for (const auto& [unit, factor] : kUnits) {
    if (number && word == unit && *number * factor <= static_cast<double>(kByteCountMax)) return static_cast<uint64_t>(*number * factor);
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no number of bytes; like 4096, 16k, 1m or 2g", text));
}

}  // namespace weir::cli
