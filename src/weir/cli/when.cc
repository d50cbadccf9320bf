#include "weir/cli/when.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "weir/cli/units.h"

namespace weir::cli {

namespace {

constexpr int64_t kDayMs = 86'400'000;

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Takes exactly `digits` digits from the front.
bool take_digits(std::string_view& text, size_t digits, int& number) {
  if (text.size() < digits || text.substr(0, digits).find_first_not_of("0123456789") != std::string_view::npos) return false;
  std::from_chars(text.data(), text.data() + digits, number);
  text.remove_prefix(digits);
  return true;
}
bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int64_t> zone_offset_ms(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  const int64_t sign = text.front() == '-' ? -1 : 1;
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  int hours = 0;
  int minutes = 0;
  if (!take_digits(text, 2, hours)) return std::nullopt;
  (void)take(text, ':');
  if (!text.empty() && !take_digits(text, 2, minutes)) return std::nullopt;
  if (!text.empty() || hours > 14 || minutes > 59) return std::nullopt;
  return sign * (hours * 60 + minutes) * 60'000;
}

std::optional<TimestampMs> parse_iso(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!take_digits(text, 4, year) || !take(text, '-') || !take_digits(text, 2, month) || !take(text, '-') || !take_digits(text, 2, day)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)), std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  int64_t ms = std::chrono::sys_days(date).time_since_epoch().count() * kDayMs;
  if (text.empty()) return ms;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!take(text, 'T') && !take(text, ' ') && !take(text, 't')) return std::nullopt;
  if (!take_digits(text, 2, hour) || !take(text, ':') || !take_digits(text, 2, minute)) return std::nullopt;
  if (take(text, ':') && !take_digits(text, 2, second)) return std::nullopt;
  int64_t fraction = 0;
  if (take(text, '.')) {
    size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
      if (digits < 3) fraction = fraction * 10 + (text[digits] - '0');
    }
    if (digits == 0) return std::nullopt;
    for (size_t i = digits; i < 3; ++i) fraction *= 10;
    text.remove_prefix(digits);
  }
  const auto zone = zone_offset_ms(text);
  if (!zone || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return ms + (int64_t{hour} * 3600 + minute * 60 + second) * 1000 + fraction - *zone;
}

}  // namespace

Result<When> parse_when(std::string_view option, std::string_view text, TimestampMs now) {
  using Kind = When::Kind;
  if (text == "beginning" || text == "start") return When{Kind::kBeginning, 0};
  if (text == "end") return When{Kind::kEnd, 0};
  if (text == "now") return When{Kind::kTime, now};
  if (text.starts_with('@')) {
    if (const auto ms = whole_number(text.substr(1)); ms && *ms >= 0) return When{Kind::kTime, *ms};
  } else if (const auto number = whole_number(text)) {
    if (*number >= 0) return When{Kind::kOffset, *number};
    if (*number > INT64_MIN) return When{Kind::kLast, -*number};
  } else if (text.starts_with('-')) {
    if (const auto span = parse_timespan(text.substr(1))) return When{Kind::kTime, std::max<int64_t>(0, now - *span)};
  } else if (const auto ms = parse_iso(text); ms && *ms >= 0) {
    return When{Kind::kTime, *ms};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} \"{}\" is no place in a log\nbeginning, end, an offset, -N for the last N, -15m for a time ago (s m h d),\n"
                          "2026-11-28T10:00:00 (UTC, or with a zone like +01:00), @MILLISECONDS since 1970",
                          option, text));
}

std::string iso_text(TimestampMs timestamp) {
  constexpr TimestampMs kYear0 = -62'167'219'200'000;
  constexpr TimestampMs kYear10000 = 253'402'300'800'000;
  if (timestamp < kYear0 || timestamp >= kYear10000) return fmt::format("{} ms", timestamp);
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(timestamp)};
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(time - days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace weir::cli
