// How the parts of the command line are put together. For args*.cc only, the files that know CLI11.
//
// Every command, option and flag is declared here once; parsing, the nearest name in an error and shell completion all read
// that one table.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "weir/cli/client_args.h"
#include "weir/cli/units.h"

namespace weir::cli {

// What to run when a command was typed.
class Commands {
 public:
  void add(CLI::App* app, std::function<int()> run) { all_.emplace_back(app, std::move(run)); }
  // Of the command that was typed; `otherwise` when none was.
  int run(int otherwise) const {
    for (const auto& [app, run] : all_) {
      if (app->parsed()) return run();
    }
    return otherwise;
  }

 private:
  std::vector<std::pair<CLI::App*, std::function<int()>>> all_;
};

// A command with a page of ours instead of CLI11's.
CLI::App* add_command(CLI::App& parent, const char* name, std::string_view page);
// The same with --bootstrap-server and --json.
CLI::App* add_client_command(CLI::App& parent, const char* name, std::string_view page, ClusterArgs& args);
// An option that may be given many times.
CLI::Option* add_many(CLI::App& app, const char* name, std::vector<std::string>& into);
// --compression: the name of a codec, or none.
CLI::Option* add_compression(CLI::App& app, std::string& into);
// 4096, 16k, 1m, 2g (units.h); what goes over the wire is at most INT32_MAX.
CLI::Option* add_bytes(CLI::App& app, const char* name, uint64_t& into, uint64_t max = INT32_MAX);
// 500ms, 10s, 5m, 2h (units.h); a number alone is seconds. What goes over the wire is at most INT32_MAX.
CLI::Option* add_duration(CLI::App& app, const char* name, int64_t& into_ms, int64_t max_ms = kTimespanMaxMs);
CLI::Option* add_duration(CLI::App& app, const char* name, std::optional<int64_t>& into_ms, int64_t max_ms = kTimespanMaxMs);

// "weir topic list".
std::string command_path(const CLI::App* app);
// The command that was typed, as deep as it goes.
const CLI::App& innermost(const CLI::App& app);
// Names of the subcommands; names of the options as they are typed.
std::vector<std::string> command_names(const CLI::App& app);
std::vector<std::string> option_names(const CLI::App& app);

// What may come next after `words`, the last of which is under the cursor: one a line, to standard output.
int print_completions(const CLI::App& root, std::vector<std::string> words);

// Each declares its commands in `app` and says in `commands` what they run.
void add_client_commands(CLI::App& app, Commands& commands);
void add_group_commands(CLI::App& app, Commands& commands);
void add_demo_commands(CLI::App& demo, Commands& commands);
void add_bench_commands(CLI::App& app, Commands& commands);
void add_backup_commands(CLI::App& app, Commands& commands);

}  // namespace weir::cli
