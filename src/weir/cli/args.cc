#include "weir/cli/args.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/args_app.h"
#include "weir/cli/commands.h"
#include "weir/cli/complete.h"
#include "weir/cli/help.h"
#include "weir/cli/report.h"
#include "weir/cli/words.h"

namespace weir::cli {
namespace {

void add_config_options(CLI::App& app, ConfigArgs& args) {
  app.add_option("file", args.file);
  app.add_option("--override", args.overrides)->allow_extra_args(false)->take_all();
  app.add_option("--data-dir", args.data_dir);
}

std::string nearest_sentence(std::string_view word, const std::vector<std::string>& words) {
  const std::string nearest = nearest_word(word, words);
  return nearest.empty() ? "" : fmt::format("; nearest: {}", nearest);
}

// CLI11's complaint in our words: what was typed, the nearest right spelling, and where all are listed.
std::string usage_sentence(const CLI::App& at, const CLI::ParseError& error) {
  const std::string help = fmt::format("\n{} --help lists what there is", command_path(&at));
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const std::vector<std::string> extras = at.remaining(true);
    const std::string word = extras.empty() ? std::string() : extras.front();
    if (word.starts_with('-')) {
      const std::string name = word.substr(0, word.find('='));
      if (name == "--replication-factor") return fmt::format("{} has no option {}; nearest: --replicas{}", command_path(&at), name, help);
      return fmt::format("{} has no option {}{}{}", command_path(&at), name, nearest_sentence(name, option_names(at)), help);
    }
    if (!word.empty()) return fmt::format("{} has no use for \"{}\"{}", command_path(&at), word, help);
  }
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) && !at.get_subcommands({}).empty()) {
    // A word that is no command, or none at all.
    const std::vector<std::string> extras = at.remaining(false);
    if (extras.empty()) return fmt::format("{} wants a command{}", command_path(&at), help);
    return fmt::format("there is no command \"{} {}\"{}{}", command_path(&at), extras.front(),
                       nearest_sentence(extras.front(), command_names(at)), help);
  }
  std::string what = error.what();
  while (!what.empty() && (what.back() == '\n' || what.back() == '.')) what.pop_back();
  // "topic is required", "--data-dir: 1 required TEXT missing"
  const size_t required = what.find(" is required");
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) && required != std::string::npos && what.find(' ') == required) {
    std::string wanted = what.substr(0, required);
    if (!wanted.starts_with('-')) std::ranges::transform(wanted, wanted.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return fmt::format("{} wants {}{}", command_path(&at), wanted, help);
  }
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ArgumentMismatch) && what.starts_with('-') && what.ends_with("missing")) {
    return fmt::format("{} wants a value{}", what.substr(0, what.find(':')), help);
  }
  return what + help;
}

// Every command line of `weir`. The values that options go to live as long as the process: a command line is parsed once.
struct CommandLine {
  CLI::App app{"", "weir"};
  Commands commands;

  explicit CommandLine(int64_t started_ns) {
    app.formatter_fn([](const CLI::App*, std::string, CLI::AppFormatMode) { return std::string(help::kMain); });
    app.require_subcommand(1);
    app.add_flag("--version,-V");
    add_serve(started_ns);
    add_log();
    add_demo();
    CLI::App* doc = add_command(app, "doc", help::kDoc);
    doc->require_subcommand(1);
    commands.add(add_command(*doc, "configuration", help::kDoc), [] { return doc_configuration(); });
    add_client_commands(app, commands);
    add_group_commands(app, commands);
    add_bench_commands(app, commands);
    add_backup_commands(app, commands);
    const auto shell = std::make_shared<std::string>();
    CLI::App* complete = add_command(app, "completion", help::kCompletion);
    complete->add_option("shell", *shell)->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
    commands.add(complete, [shell] { return completion(*shell); });
    commands.add(add_command(app, "version", "weir version: which version this is\n"), [] { return version(); });
  }

  void add_serve(int64_t started_ns) {
    const auto serve_args = std::make_shared<ServeArgs>();
    serve_args->started_ns = started_ns;
    CLI::App* command = add_command(app, "serve", help::kServe);
    add_config_options(*command, serve_args->config);
    command->add_option("--port", serve_args->config.port)->check(CLI::Range(0, 65534));
    command->add_option("--log-level", serve_args->log_level)->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    command->add_flag("--log-json", serve_args->log_json);
    commands.add(command, [serve_args] { return serve(*serve_args); });

    const auto format_args = std::make_shared<FormatArgs>();
    command = add_command(app, "format", help::kFormat);
    add_config_options(*command, format_args->config);
    command->add_option("--cluster-id", format_args->cluster_id);
    commands.add(command, [format_args] { return format(*format_args); });

    const auto adopt_args = std::make_shared<AdoptArgs>();
    command = add_command(app, "adopt", help::kAdopt);
    command->add_option("dirs", adopt_args->dirs)->required();
    CLI::Option* check = command->add_flag("--check", adopt_args->check);
    command->add_flag("--undo", adopt_args->undo)->excludes(check);
    command->add_flag("--json", adopt_args->json);
    commands.add(command, [adopt_args] { return adopt(*adopt_args); });
  }

  void add_log() {
    const auto args = std::make_shared<LogDumpArgs>();
    CLI::App* log = add_command(app, "log", help::kLog);
    log->require_subcommand(1);
    CLI::App* dump = add_command(*log, "dump", help::kLogDump);
    dump->add_option("paths", args->paths)->required();
    dump->add_flag("--records", args->records);
    dump->add_flag("--json", args->json);
    commands.add(dump, [args] { return log_dump(*args); });
  }

  void add_demo() {
    const auto args = std::make_shared<DemoEventsArgs>();
    CLI::App* demo = add_command(app, "demo", help::kDemo);
    demo->require_subcommand(1);
    CLI::App* events = add_command(*demo, "events", help::kDemoEvents);
    events->add_option("--seed", args->seed);
    events->add_option("--count", args->count);
    events->add_option("--first", args->first);
    events->add_option("--rate", args->rate);
    events->add_option("--users", args->users)->check(CLI::Range(1u, 10'000'000u));
    events->add_flag("!--no-clock", args->clock);
    events->add_flag("--summary", args->summary);
    events->add_option_function<std::string>("--share", [args](const std::string& text) {
      const size_t slash = text.find('/');
      const bool parsed = slash != std::string::npos && CLI::detail::lexical_cast(text.substr(0, slash), args->share) &&
                          CLI::detail::lexical_cast(text.substr(slash + 1), args->shares);
      if (!parsed || args->shares == 0 || args->share >= args->shares) throw CLI::ValidationError("--share wants I/N, like 0/2");
    });
    commands.add(events, [args] { return demo_events(*args); });
    add_demo_commands(*demo, commands);
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
  if (first == "help") {  // weir help topic create: as weir topic create --help
    std::vector<const char*> words{argv[0]};
    words.insert(words.end(), argv + 2, argv + argc);
    words.push_back("--help");
    return run_command_line(static_cast<int>(words.size()), words.data(), started_ns);
  }
  CommandLine line(started_ns);
  if (first == "__complete") return print_completions(line.app, {argv + 2, argv + argc});
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(innermost(line.app).help().c_str(), stdout);
    return kDone;
  } catch (const CLI::ParseError& error) {
    report(usage_sentence(innermost(line.app), error));
    return kUsage;
  }
  return line.commands.run(kUsage);
}

}  // namespace weir::cli
