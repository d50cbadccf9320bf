#include "weir/cli/args.h"

#include <cstdio>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "weir/cli/commands.h"
#include "weir/cli/help.h"
#include "weir/cli/report.h"

namespace weir::cli {
namespace {

// A command with a page of ours instead of CLI11's; `name` is what comes before --help in hints.
CLI::App* command(CLI::App& parent, const char* name, std::string_view page) {
  CLI::App* app = parent.add_subcommand(name);
  app->formatter_fn([page](const CLI::App*, std::string, CLI::AppFormatMode) { return std::string(page); });
  app->fallthrough(false);
  return app;
}

void add_config_options(CLI::App& app, ConfigArgs& args) {
  app.add_option("file", args.file);
  app.add_option("--override", args.overrides)->allow_extra_args(false)->take_all();
  app.add_option("--data-dir", args.data_dir);
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

// CLI11's complaint in our words: what was typed, and where the right spelling is listed.
std::string usage_sentence(const CLI::App& at, const CLI::ParseError& error, int argc, const char* const* argv) {
  const std::string help = fmt::format("\n{} --help lists what there is", command_path(&at));
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const std::vector<std::string> extras = at.remaining(true);
    const std::string word = extras.empty() ? std::string() : extras.front();
    if (word.starts_with('-')) return fmt::format("{} has no option {}{}", command_path(&at), word, help);
    if (!word.empty()) return fmt::format("{} has no use for \"{}\"{}", command_path(&at), word, help);
  }
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) && !at.get_subcommands({}).empty()) {
    // A word that is no command, or none at all.
    const std::string word = argc > 1 ? argv[argc - 1] : "";
    const std::vector<std::string> extras = at.remaining(false);
    return extras.empty() ? fmt::format("{} wants a command{}", command_path(&at), help)
                          : fmt::format("there is no command \"{} {}\"{}", command_path(&at), extras.front(), help);
  }
  std::string what = error.what();
  while (!what.empty() && (what.back() == '\n' || what.back() == '.')) what.pop_back();
  return what + help;
}

// Every command line of `weir`, with the values its options go to.
struct CommandLine {
  CLI::App app{"", "weir"};
  ServeArgs serve_args;
  FormatArgs format_args;
  LogDumpArgs dump_args;
  DemoEventsArgs events_args;
  bool no_clock = false;
  CLI::App* serve_command = nullptr;
  CLI::App* format_command = nullptr;
  CLI::App* dump_command = nullptr;
  CLI::App* events_command = nullptr;
  CLI::App* configuration_command = nullptr;
  CLI::App* version_command = nullptr;

  CommandLine() {
    app.formatter_fn([](const CLI::App*, std::string, CLI::AppFormatMode) { return std::string(help::kMain); });
    app.require_subcommand(1);
    app.add_flag("--version,-V");

    serve_command = command(app, "serve", help::kServe);
    add_config_options(*serve_command, serve_args.config);
    serve_command->add_option("--port", serve_args.config.port)->check(CLI::Range(0, 65534));
    serve_command->add_option("--log-level", serve_args.log_level)->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    serve_command->add_flag("--log-json", serve_args.log_json);

    format_command = command(app, "format", help::kFormat);
    add_config_options(*format_command, format_args.config);
    format_command->add_option("--cluster-id", format_args.cluster_id);

    CLI::App* log = command(app, "log", help::kLog);
    log->require_subcommand(1);
    dump_command = command(*log, "dump", help::kLogDump);
    dump_command->add_option("paths", dump_args.paths)->required();
    dump_command->add_flag("--records", dump_args.records);
    dump_command->add_flag("--json", dump_args.json);

    CLI::App* demo = command(app, "demo", help::kDemo);
    demo->require_subcommand(1);
    events_command = command(*demo, "events", help::kDemoEvents);
    events_command->add_option("--seed", events_args.seed);
    events_command->add_option("--count", events_args.count);
    events_command->add_option("--first", events_args.first);
    events_command->add_option("--rate", events_args.rate);
    events_command->add_option("--users", events_args.users)->check(CLI::Range(1u, 10'000'000u));
    events_command->add_flag("--no-clock", no_clock);

    CLI::App* doc = command(app, "doc", help::kDoc);
    doc->require_subcommand(1);
    configuration_command = command(*doc, "configuration", help::kDoc);

    version_command = command(app, "version", "weir version: which version this is\n");
  }

  int run(int64_t started_ns) {
    if (serve_command->parsed()) {
      serve_args.started_ns = started_ns;
      return serve(serve_args);
    }
    if (format_command->parsed()) return format(format_args);
    if (dump_command->parsed()) return log_dump(dump_args);
    if (events_command->parsed()) {
      events_args.clock = !no_clock;
      return demo_events(events_args);
    }
    if (configuration_command->parsed()) return doc_configuration();
    return version();
  }
};

}  // namespace

int run_command_line(int argc, const char* const* argv, int64_t started_ns) {
  if (argc == 1) {
    std::fputs(std::string(help::kMain).c_str(), stderr);
    return kUsage;
  }
  const std::string_view first = argv[1];
  if (first == "--version" || first == "-V") return version();
  CommandLine line;
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(innermost(line.app).help().c_str(), stdout);
    return kDone;
  } catch (const CLI::ParseError& error) {
    report(usage_sentence(innermost(line.app), error, argc, argv));
    return kUsage;
  }
  return line.run(started_ns);
}

}  // namespace weir::cli
