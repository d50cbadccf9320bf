#include "weir/node/settings.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "weir/metadata/config_table.h"
#include "weir/node/yaml.h"

namespace weir::node {
namespace {

using metadata::ConfigOption;
using metadata::ConfigScope;

std::string_view stripped(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Why `name` is not an option of a configuration file, and what is.
std::string unknown_sentence(std::string_view name) {
  const auto synonyms = metadata::broker_synonyms(name);
  if (!synonyms.empty()) {
    return fmt::format("{} is a topic option and is ignored here; its default for all topics is {}", name,
                       synonyms.front().broker_option);
  }
  if (name.starts_with("listener.name.")) return fmt::format("{} is ignored: options of one listener are not served yet", name);
  const std::string_view nearest = metadata::nearest_option(ConfigScope::kBroker, name);
  return nearest.empty() ? fmt::format("unknown property \"{}\" is ignored", name)
                         : fmt::format("unknown property \"{}\" is ignored; nearest: {}", name, nearest);
}

class Gatherer {
 public:
  void take(std::string_view name, std::string_view given, std::string from) {
    const ConfigOption* option = metadata::find_option(ConfigScope::kBroker, name);
    if (option == nullptr) {
      gathered_.warnings.push_back(problem_at(from, unknown_sentence(name)));
      return;
    }
    if (option->only_dynamic) {
      gathered_.warnings.push_back(
          problem_at(from, fmt::format("{} is ignored: it can only be set while the broker runs", name)));
      return;
    }
    const std::string_view value = option->is_sensitive() ? given : stripped(given);
    const auto parsed = metadata::parse_value(*option, value);
    if (!parsed) {
      std::string sentence = parsed.error().message();
      const std::string meant = suggested_value(name, value);
      if (!meant.empty() && metadata::parse_value(*option, meant))
        sentence += fmt::format("\ndid you mean {} = {} ?", name, meant);
      gathered_.problems.push_back(problem_at(from, sentence));
      return;
    }
    const bool is_default = option->default_value.has_value() && *option->default_value == value;
    if (metadata::status_of(option->effect) == metadata::ConfigStatus::kAccepted && !is_default) {
      gathered_.notes.push_back(fmt::format("{} ({})", name, metadata::reason_of(option->effect)));
    }
    gathered_.settings.insert_or_assign(std::string(name), Setting{std::string(value), std::move(from)});
  }
  void problem(std::string_view from, std::string_view sentence) { gathered_.problems.push_back(problem_at(from, sentence)); }
  GatheredSettings finish() && { return std::move(gathered_); }

 private:
  GatheredSettings gathered_;
};

void take_file(Gatherer& gatherer, const ConfigFile& file) {
  const auto properties = file.is_yaml ? parse_yaml_lines(file.text) : parse_property_lines(file.text);
  if (!properties) {
    gatherer.problem("", fmt::format("{}:{}", file.path, properties.error().message()));
    return;
  }
  for (const Property& property : *properties) {
    // A key that comes again overrides the earlier line: only the last one is checked.
    const bool comes_again = std::ranges::any_of(
        *properties, [&](const Property& other) { return other.line > property.line && other.key == property.key; });
    if (!comes_again) gatherer.take(property.key, property.value, fmt::format("{}:{}", file.path, property.line));
  }
}

struct Unit {
  std::string_view name;
  double factor;
};
constexpr Unit kTimeUnits[] = {{"ms", 1},         {"s", 1000},       {"sec", 1000},     {"m", 60e3},      {"min", 60e3},
                               {"h", 3600e3},     {"d", 86400e3},    {"days", 86400e3}, {"day", 86400e3}, {"hours", 3600e3},
                               {"minutes", 60e3}, {"seconds", 1000}, {"w", 604800e3}};
constexpr Unit kSizeUnits[] = {{"b", 1},           {"k", 1024},         {"kb", 1024},         {"kib", 1024},
                               {"m", 1048576},     {"mb", 1048576},     {"mib", 1048576},     {"g", 1073741824},
                               {"gb", 1073741824}, {"gib", 1073741824}, {"t", 1099511627776}, {"tb", 1099511627776}};
constexpr Unit kOptionTimes[] = {{".ms", 1}, {".seconds", 1000}, {".minutes", 60e3}, {".hours", 3600e3}};

std::string scaled(std::string_view text, std::span<const Unit> units, double option_factor) {
  double amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc()) return {};
  const std::string unit = lower(stripped(std::string_view(end, text.data() + text.size())));
  for (const Unit& known : units) {
    const double value = amount * known.factor / option_factor;
    if (known.name == unit && value == std::floor(value) && std::abs(value) < 9e15)
      return fmt::format("{}", static_cast<int64_t>(value));
  }
  return {};
}

metadata::ConfigValue value_of(const Settings& settings, const ConfigOption& option) {
  const auto set = settings.find(option.name);
  const std::string_view text = set != settings.end() ? std::string_view(set->second.value) : option.default_value.value_or("");
  auto value = metadata::parse_value(option, text);
  WEIR_ASSERT(value.has_value(), option.name, text);
  return std::move(*value);
}

const ConfigOption& option_named(std::string_view name) {
  const ConfigOption* option = metadata::find_option(ConfigScope::kBroker, name);
  WEIR_ASSERT(option != nullptr, name);
  return *option;
}

}  // namespace

std::string problem_at(std::string_view from, std::string_view sentence) {
  return from.empty() ? std::string(sentence) : fmt::format("{}: {}", from, sentence);
}

GatheredSettings gather_settings(const ConfigInput& input) {
  Gatherer gatherer;
  if (input.file) take_file(gatherer, *input.file);
  for (const auto& [variable, value] : input.environment) gatherer.take(option_of_variable(variable), value, variable);
  for (const std::string& text : input.overrides) {
    const size_t equals = text.find('=');
    const std::string_view name = stripped(std::string_view(text).substr(0, equals));
    if (equals == std::string::npos || name.empty()) {
      gatherer.problem("--override", fmt::format("\"{}\" is not of the form key=value", text));
    } else {
      gatherer.take(name, std::string_view(text).substr(equals + 1), "--override");
    }
  }
  return std::move(gatherer).finish();
}

std::string option_of_variable(std::string_view variable) {
  constexpr std::string_view kPrefix = "WEIR_";
  std::string name = lower(variable.starts_with(kPrefix) ? variable.substr(kPrefix.size()) : variable);
  std::ranges::replace(name, '_', '.');
  const std::string own = "weir." + name;
  const bool is_own =
      metadata::find_option(ConfigScope::kBroker, name) == nullptr && metadata::find_option(ConfigScope::kBroker, own) != nullptr;
  return is_own ? own : name;
}

std::string suggested_value(std::string_view name, std::string_view text) {
  const std::string word = lower(stripped(text));
  const ConfigOption* option = metadata::find_option(ConfigScope::kBroker, name);
  if (option != nullptr && option->type == metadata::ConfigType::kBoolean) {
    if (word == "yes" || word == "on" || word == "1") return "true";
    if (word == "no" || word == "off" || word == "0") return "false";
    return {};
  }
  if (name.find("bytes") != std::string_view::npos) return scaled(word, kSizeUnits, 1);
  for (const Unit& unit : kOptionTimes) {
    if (name.ends_with(unit.name)) return scaled(word, kTimeUnits, unit.factor);
  }
  return {};
}

std::string where_set(const Settings& settings, std::string_view option) {
  const auto set = settings.find(option);
  return set == settings.end() ? std::string() : set->second.from;
}

int64_t number_of(const Settings& settings, std::string_view name) {
  const metadata::ConfigValue value = value_of(settings, option_named(name));
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  return std::get<int64_t>(value);
}

std::string text_of(const Settings& settings, std::string_view name) {
  const auto set = settings.find(name);
  return set != settings.end() ? set->second.value : std::string(option_named(name).default_value.value_or(""));
}

std::vector<std::string> list_of(const Settings& settings, std::string_view name) {
  std::vector<std::string> parts;
  const std::string text = text_of(settings, name);
  for (std::string_view rest = text; !rest.empty();) {
    const size_t comma = rest.find(',');
    const std::string_view part = stripped(rest.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return parts;
}

}  // namespace weir::node
