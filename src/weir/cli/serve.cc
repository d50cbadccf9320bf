// weir serve: runs a node until SIGTERM or SIGINT. A second signal ends the process at once.
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/ranges.h>

#include "weir/cli/commands.h"
#include "weir/cli/load_config.h"
#include "weir/cli/process_stats.h"
#include "weir/cli/report.h"
#include "weir/node/node.h"
#include "weir/runtime/real/process.h"
#include "weir/storage/file_cache.h"

namespace weir::cli {
namespace {

struct Serving {
  runtime::RealProcess& process;
  const node::Configuration& configuration;
};

class ServedProcess final : public node::Process {
 public:
  ServedProcess(runtime::RealProcess& process, int64_t started_ns) : process_(process), started_ns_(started_ns) {}
  node::ProcessStats stats() const override { return process_stats(process_.loop().counters()); }
  Duration since_start() const override { return Duration(monotonic_ns() - started_ns_); }

 private:
  runtime::RealProcess& process_;
  int64_t started_ns_;
};

LogLevel level_of(const std::string& word) {
  if (word == "debug") return LogLevel::kDebug;
  if (word == "warning") return LogLevel::kWarning;
  return word == "error" ? LogLevel::kError : LogLevel::kInfo;
}

runtime::Task<void> watch_signals(runtime::Signals* signals, runtime::StopSource* stop, Logger log) {
  for (;;) {
    const Result<int> signal = co_await signals->next();
    if (!signal) co_return;
    if (stop->stop_requested()) {
      log.warning("{} again: exit without a clean stop", runtime::signal_name(*signal));
      _exit(128 + *signal);
    }
    log.info("{} received", runtime::signal_name(*signal));
    stop->request_stop();
  }
}

runtime::Task<int> run_node(runtime::Environment& environment, Serving serving) {
  const node::Configuration& configuration = serving.configuration;
  for (const std::string& warning : configuration.warnings) environment.log.warning("{}", warning);
  if (!configuration.notes.empty()) environment.log.info("without effect: {}", fmt::join(configuration.notes, ", "));
  runtime::Signals signals(serving.process.loop());
  runtime::StopSource stop;
  runtime::TaskGroup watching(environment.executor);
  watching.spawn(&watch_signals, &signals, &stop, environment.log);
  int code = kDone;
  {
    node::Node node(environment, configuration.options);
    const Result<void> outcome = co_await node.run(stop.token());
    if (!outcome) {
      report(outcome.error());
      code = outcome.error().code() == ErrorCode::kInvalidConfig ? kUsage : kFailed;
    }
  }
  signals.close();
  (void)co_await watching.join();
  co_return code;
}

// Log files and connections share the descriptors, so that neither can take the other's: a log that cannot open its file cannot
// acknowledge. What is left over is for pages, directories, the runtime, and files that answers to slow clients still hold.
void share_descriptors(node::NodeOptions& options, uint64_t limit) {
  if (limit == 0) return;
  const uint64_t files = limit / 8 * 5;
  const uint64_t others = std::min<uint64_t>(256, limit / 8) + storage::FileCache::lend_max(files);
  options.logs.open_files_max = std::clamp<size_t>(files, 1, options.logs.open_files_max);
  options.server.connections_possible = limit > files + others ? limit - files - others : 1;
}

}  // namespace

int serve(const ServeArgs& args) {
  std::optional<node::Configuration> configuration = load_config(args.config);
  if (!configuration) return kUsage;
  ::signal(SIGPIPE, SIG_IGN);
  share_descriptors(configuration->options, raise_descriptor_limit());
  runtime::RealProcess process({.log_level = level_of(args.log_level),
                                .log_format = args.log_json ? runtime::LogFormat::kJson : runtime::LogFormat::kText,
                                .holds_signals = true,
                                .sockets = {.backlog = configuration->sockets.backlog.value_or(runtime::kListenBacklog),
                                            .send_buffer_bytes = configuration->sockets.send_buffer_bytes.value_or(-1),
                                            .receive_buffer_bytes = configuration->sockets.receive_buffer_bytes.value_or(-1)}});
  const ServedProcess around(process, args.started_ns);
  configuration->options.process = &around;
  return process.run(run_node, Serving{process, *configuration});
}

}  // namespace weir::cli
