// parse_value: from text to a checked value of an option.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "weir/metadata/config_table.h"

namespace weir::metadata {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  if (text.empty()) return parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(trimmed(text.substr(0, at)));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool equal_any_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

struct Limits {
  int64_t low;
  int64_t high;
};
Limits type_limits(ConfigType type) {
  if (type == ConfigType::kShort) return {INT16_MIN, INT16_MAX};
  if (type == ConfigType::kInt) return {INT32_MIN, INT32_MAX};
  return {INT64_MIN, INT64_MAX};
}

bool is_whole(ConfigType type) { return type == ConfigType::kInt || type == ConfigType::kShort || type == ConfigType::kLong; }

Limits whole_limits(const ConfigOption& option) {
  Limits limits = type_limits(option.type);
  if (option.check.kind != ConfigCheck::Kind::kRange) return limits;
  limits.low = std::max(limits.low, static_cast<int64_t>(option.check.min));
  if (option.check.max < static_cast<double>(limits.high)) limits.high = static_cast<int64_t>(option.check.max);
  return limits;
}

// "0:1,1:2" or "*": partition and broker of each throttled replica.
bool are_throttled_replicas(const std::vector<std::string>& parts) {
  if (parts.size() == 1 && parts[0] == "*") return true;
  return std::ranges::all_of(parts, [](const std::string& part) {
    const size_t colon = part.find(':');
    const auto is_number = [](std::string_view text) {
      return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    };
    const std::string_view view = part;
    return colon != std::string::npos && is_number(view.substr(0, colon)) && is_number(view.substr(colon + 1));
  });
}

std::string quoted(const ConfigOption& option, std::string_view text) {
  return option.is_sensitive() ? "(hidden)" : fmt::format("\"{}\"", text);
}

std::unexpected<Error> bad_value(const ConfigOption& option, std::string_view text, std::string_view why) {
  return fail(ErrorCode::kInvalidConfig, fmt::format("{} = {} {}", option.name, quoted(option, text), why));
}

Result<ConfigValue> parse_whole(const ConfigOption& option, std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+') && digits.size() > 1 && digits[1] != '-') digits.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const Limits limits = whole_limits(option);
  const bool gzip_ok = option.check.kind != ConfigCheck::Kind::kGzipLevel || value == -1 || (value >= 1 && value <= 9);
  if (error == std::errc() && end == digits.data() + digits.size() && !digits.empty() && value >= limits.low &&
      value <= limits.high && gzip_ok) {
    return ConfigValue(value);
  }
  return bad_value(option, text, fmt::format("is not a whole number ({})", allowed_text(option)));
}

Result<ConfigValue> parse_real(const ConfigOption& option, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool in_range =
      option.check.kind != ConfigCheck::Kind::kRange || (value >= option.check.min && value <= option.check.max);
  if (error == std::errc() && end == text.data() + text.size() && !text.empty() && std::isfinite(value) && in_range) {
    return ConfigValue(value);
  }
  const std::string allowed = allowed_text(option);
  return bad_value(option, text, allowed.empty() ? "is not a number" : fmt::format("is not a number ({})", allowed));
}

// Kafka drops entries that were there before (KIP-1161).
std::vector<std::string> without_repeats(std::vector<std::string> parts) {
  std::vector<std::string> once;
  for (std::string& part : parts) {
    if (std::ranges::find(once, part) == once.end()) once.push_back(std::move(part));
  }
  return once;
}

Result<ConfigValue> parse_list(const ConfigOption& option, std::string_view text) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(text, ',')) parts.emplace_back(part);
  const ConfigCheck& check = option.check;
  if (check.kind == ConfigCheck::Kind::kThrottledReplicas && !are_throttled_replicas(parts)) {
    return bad_value(option, text, fmt::format("is not {}", allowed_text(option)));
  }
  if (check.kind != ConfigCheck::Kind::kList) return ConfigValue(std::move(parts));
  if (parts.empty() && !check.empty_allowed) return bad_value(option, text, "must not be empty");
  const std::vector<std::string_view> members = split(check.members, ',');
  for (const std::string& part : parts) {
    if (part.empty()) return bad_value(option, text, "has an empty entry");
    if (!members.empty() && std::ranges::find(members, part) == members.end()) {
      return bad_value(option, text, fmt::format("is not {}: \"{}\" is unknown", allowed_text(option), part));
    }
  }
  return ConfigValue(without_repeats(std::move(parts)));
}

Result<ConfigValue> parse_text(const ConfigOption& option, std::string_view text) {
  const ConfigCheck& check = option.check;
  if (check.kind == ConfigCheck::Kind::kNotEmpty && text.empty()) return bad_value(option, text, "must not be empty");
  if (check.kind == ConfigCheck::Kind::kOneOf || check.kind == ConfigCheck::Kind::kOneOfAnyCase) {
    const bool any_case = check.kind == ConfigCheck::Kind::kOneOfAnyCase;
    const bool known = std::ranges::any_of(split(check.members, ','), [&](std::string_view member) {
      return any_case ? equal_any_case(member, text) : member == text;
    });
    if (!known) return bad_value(option, text, fmt::format("is not {}", allowed_text(option)));
  }
  return ConfigValue(std::string(text));
}

Result<ConfigValue> parse_by_type(const ConfigOption& option, std::string_view text) {
  if (is_whole(option.type)) return parse_whole(option, text);
  switch (option.type) {
    case ConfigType::kBoolean:
      if (equal_any_case(text, "true")) return ConfigValue(true);
      if (equal_any_case(text, "false")) return ConfigValue(false);
      return bad_value(option, text, "is neither true nor false");
    case ConfigType::kDouble: return parse_real(option, text);
    case ConfigType::kList: return parse_list(option, text);
    default: return parse_text(option, text);
  }
}

}  // namespace

Result<ConfigValue> parse_value(const ConfigOption& option, std::string_view text) {
  const std::string_view value = option.type == ConfigType::kPassword ? text : trimmed(text);
  WEIR_TRY(ConfigValue parsed, parse_by_type(option, value));
  if (status_of(option.effect) == ConfigStatus::kRefused) {
    const bool is_default = option.default_value.has_value() ? *option.default_value == value : value.empty();
    const bool is_off = std::holds_alternative<bool>(parsed) && !std::get<bool>(parsed);
    if (!is_default && !is_off) {
      return bad_value(option, value, fmt::format("cannot be used: {}", reason_of(option.effect)));
    }
  }
  return parsed;
}

std::string allowed_text(const ConfigOption& option) {
  const ConfigCheck& check = option.check;
  if (check.kind == ConfigCheck::Kind::kGzipLevel) return "-1 or 1 .. 9";
  if (check.kind == ConfigCheck::Kind::kThrottledReplicas) return "a list of partition:broker, or *";
  if (is_whole(option.type)) {
    const Limits limits = whole_limits(option);
    return fmt::format("{} .. {}", limits.low, limits.high);
  }
  switch (check.kind) {
    case ConfigCheck::Kind::kRange:
      return check.max >= std::numeric_limits<float>::max() ? fmt::format("{} or more", check.min)
                                                            : fmt::format("{} .. {}", check.min, check.max);
    case ConfigCheck::Kind::kOneOf:
    case ConfigCheck::Kind::kOneOfAnyCase: return fmt::format("one of {}", fmt::join(split(check.members, ','), ", "));
    case ConfigCheck::Kind::kList:
      return check.members.empty() ? std::string() : fmt::format("a list of {}", fmt::join(split(check.members, ','), ", "));
    case ConfigCheck::Kind::kNotEmpty: return "not empty";
    default: return option.type == ConfigType::kBoolean ? "true or false" : "";
  }
}

std::string_view type_text(ConfigType type) {
  switch (type) {
    case ConfigType::kBoolean: return "BOOLEAN";
    case ConfigType::kString: return "STRING";
    case ConfigType::kInt: return "INT";
    case ConfigType::kShort: return "SHORT";
    case ConfigType::kLong: return "LONG";
    case ConfigType::kDouble: return "DOUBLE";
    case ConfigType::kList: return "LIST";
    case ConfigType::kClass: return "CLASS";
    case ConfigType::kPassword: return "PASSWORD";
  }
  return "";
}

}  // namespace weir::metadata
