#include "weir/cli/timespan.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace weir::cli {

namespace {

constexpr int64_t kSecondMs = 1000;
constexpr int64_t kMinuteMs = 60 * kSecondMs;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kDayInMs = 24 * kHourMs;
constexpr int64_t kTimespanMaxMs = 100'000 * kDayInMs;

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
  return unit == "s" ? kSecondMs : unit == "m" ? kMinuteMs : unit == "h" ? kHourMs : unit == "d" ? kDayInMs : 0;
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
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || !(number >= 0)) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    size_t letters = 0;
    while (letters < text.size() && (text[letters] < '0' || text[letters] > '9') && (!is_iso || letters == 0)) ++letters;
    const int64_t unit = unit_ms(text.substr(0, letters), is_iso, after_t);
    if (unit == 0) return std::nullopt;
    text.remove_prefix(letters);
    total += number * static_cast<double>(unit);
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

}  // namespace weir::cli
