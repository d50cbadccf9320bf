#include "weir/cli/args_app.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <type_traits>

#include <fmt/format.h>

namespace weir::cli {

namespace {

struct Unit {
  std::string_view name;
  double factor;
};
constexpr Unit kByteUnits[] = {{"", 1}, {"b", 1}, {"k", 1 << 10}, {"kib", 1 << 10}, {"m", 1 << 20}, {"mib", 1 << 20}, {"g", 1 << 30}, {"gib", 1 << 30}};
constexpr Unit kTimeUnits[] = {{"ms", 1}, {"", 1000}, {"s", 1000}, {"m", 60'000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

constexpr const char* kTimeWanted = "a time: 500ms, 10s, 5m, 2h, 1d";

// Nothing when `text` is no number of one of `units`, or below 0.
std::optional<double> parse_with_unit(std::string text, std::span<const Unit> units) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || number > 1e15) return std::nullopt;
  const std::string_view rest(end, text.data() + text.size());
  for (const Unit& unit : units) {
    if (unit.name == rest) return number * unit.factor;
  }
  return std::nullopt;
}

template <typename Into>
CLI::Option* add_with_units(CLI::App& app, const char* name, Into& into, std::span<const Unit> units, const char* wanted) {
  using Number = std::conditional_t<std::is_same_v<Into, uint64_t>, uint64_t, int64_t>;
  return app.add_option_function<std::string>(name, [&into, units, wanted, name](const std::string& text) {
    const auto parsed = parse_with_unit(text, units);
    if (!parsed) throw CLI::ValidationError(fmt::format("{} \"{}\" is not {}", name, text, wanted));
    into = static_cast<Number>(*parsed);
  });
}

}  // namespace

CLI::App* add_command(CLI::App& parent, const char* name, std::string_view page) {
  CLI::App* app = parent.add_subcommand(name);
  app->formatter_fn([page](const CLI::App*, std::string, CLI::AppFormatMode) { return std::string(page); });
  app->fallthrough(false);
  return app;
}

CLI::App* add_client_command(CLI::App& parent, const char* name, std::string_view page, ClusterArgs& args) {
  CLI::App* app = add_command(parent, name, page);
  app->add_option("--bootstrap-server", args.bootstrap);
  app->add_flag("--json", args.json);
  return app;
}

CLI::Option* add_many(CLI::App& app, const char* name, std::vector<std::string>& into) {
  return app.add_option(name, into)->allow_extra_args(false)->take_all();
}

CLI::Option* add_bytes(CLI::App& app, const char* name, uint64_t& into) {
  return add_with_units(app, name, into, kByteUnits, "a number of bytes: 4096, 16k, 1m, 2g");
}

CLI::Option* add_duration(CLI::App& app, const char* name, int64_t& into_ms) {
  return add_with_units(app, name, into_ms, kTimeUnits, kTimeWanted);
}

CLI::Option* add_duration(CLI::App& app, const char* name, std::optional<int64_t>& into_ms) {
  return add_with_units(app, name, into_ms, kTimeUnits, kTimeWanted);
}

std::string command_path(const CLI::App* app) {
  std::string path = app->get_name();
  for (const CLI::App* up = app->get_parent(); up != nullptr; up = up->get_parent()) path = up->get_name() + " " + path;
  return path;
}

const CLI::App& innermost(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  return chosen.empty() ? app : innermost(*chosen.front());
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!one->get_name().empty() && !one->get_name().starts_with('_')) names.push_back(one->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* one : app.get_options([](const CLI::Option*) { return true; })) {
    for (const std::string& name : one->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : one->get_snames()) names.push_back("-" + name);
  }
  return names;
}

}  // namespace weir::cli
