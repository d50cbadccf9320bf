// weir format: prepares log directories for their first start. `weir serve` does it too on an empty directory; this is for
// those who want to choose the cluster id.
#include <unistd.h>

#include <fmt/format.h>

#include "weir/cli/commands.h"
#include "weir/cli/load_config.h"
#include "weir/cli/report.h"
#include "weir/metadata/format.h"
#include "weir/runtime/real/process.h"

namespace weir::cli {
namespace {

struct Formatting {
  std::vector<std::string> dirs;
  metadata::FormatOptions options;
};

runtime::Task<int> run_format(runtime::Environment& environment, Formatting wanted) {
  size_t already = 0;
  for (const std::string& dir : wanted.dirs) {
    const auto found = co_await storage::read_meta_properties(environment.disk, dir);
    if (found && *found) ++already;
  }
  const auto formatted = co_await metadata::format(environment, wanted.dirs, wanted.options);
  if (!formatted) {
    report(formatted.error());
    co_return kFailed;
  }
  const bool nothing_new = already == wanted.dirs.size();
  fmt::print("{} cluster {}, node {}\n", nothing_new ? "formatted before:" : "formatted:", formatted->front().cluster_id,
             formatted->front().node_id);
  for (size_t i = 0; i < formatted->size(); ++i)
    fmt::print("  {}  directory id {}\n", wanted.dirs[i], (*formatted)[i].directory_id);
  co_return kDone;
}

}  // namespace

int format(const FormatArgs& args) {
  const std::optional<node::Configuration> configuration = load_config(args.config);
  if (!configuration) return kUsage;
  for (const std::string& warning : configuration->warnings) report_warning(warning);
  Formatting wanted{configuration->options.logs.dirs,
                    {.cluster_id = args.cluster_id, .node_id = configuration->options.server.node_id}};
  runtime::RealProcess process({.log_level = LogLevel::kWarning});
  return process.run(run_format, wanted);
}

}  // namespace weir::cli
