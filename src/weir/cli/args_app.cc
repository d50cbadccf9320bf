#include "weir/cli/args_app.h"

#include <fmt/format.h>

#include "weir/codec/compression.h"

namespace weir::cli {

namespace {

// Parses what was typed for option `name`; what is wrong with it is the command line's error.
template <typename Number>
Number checked(const char* name, const Result<Number>& number, Number max, std::string_view max_text) {
  if (!number) throw CLI::ValidationError(fmt::format("{} {}", name, number.error().message()));
  if (*number > max) throw CLI::ValidationError(fmt::format("{} is too large: at most {}", name, max_text));
  return *number;
}

template <typename Into>
CLI::Option* add_milliseconds(CLI::App& app, const char* name, Into& into, int64_t max_ms) {
  return app.add_option_function<std::string>(name, [&into, name, max_ms](const std::string& text) {
    const bool is_bare = text.find_first_not_of("0123456789.") == std::string::npos;
    into = checked(name, parse_timespan(is_bare ? text + "s" : text), max_ms, fmt::format("{} days", max_ms / 86'400'000));
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

CLI::Option* add_compression(CLI::App& app, std::string& into) {
  std::vector<std::string> names;
  for (int i = 0; i < codec::kCompressionCount; ++i) names.emplace_back(codec::name_of(static_cast<codec::Compression>(i)));
  return app.add_option("--compression", into)->check(CLI::IsMember(std::move(names)));
}

CLI::Option* add_bytes(CLI::App& app, const char* name, uint64_t& into, uint64_t max) {
  return app.add_option_function<std::string>(name, [&into, name, max](const std::string& text) {
    into = checked(name, parse_byte_count(text), max, fmt::format("{} bytes", max));
  });
}

CLI::Option* add_duration(CLI::App& app, const char* name, int64_t& into_ms, int64_t max_ms) { return add_milliseconds(app, name, into_ms, max_ms); }

CLI::Option* add_duration(CLI::App& app, const char* name, std::optional<int64_t>& into_ms, int64_t max_ms) {
  return add_milliseconds(app, name, into_ms, max_ms);
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
