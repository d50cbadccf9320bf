// What the commands that talk to a cluster share: a process, a connected Cluster, and sentences about topics.
#pragma once

#include "weir/cli/client_args.h"
#include "weir/cli/commands.h"
#include "weir/cli/report.h"
#include "weir/client/admin.h"
#include "weir/client/bootstrap.h"
#include "weir/runtime/real/process.h"

namespace weir::cli {

using runtime::Task;

inline constexpr Duration kFirstContactTimeout = 10s;
inline constexpr Duration kCommandTimeout = 60s;

struct ClientContext {
  runtime::Environment& env;
  client::Cluster& cluster;
  client::Admin admin;
  std::string bootstrap;  // as it was typed
  runtime::StopToken stop;  // Ctrl-C, for commands that end themselves

  // For one question.
  client::Patience patience() const { return {Deadline::at(env.executor.now() + kCommandTimeout), stop}; }
};

// The topic, or a sentence that names the nearest one.
Task<Result<client::TopicPtr>> find_topic(ClientContext& context, std::string name);
// What went wrong with topic `name`, with the nearest name when there is no such topic.
Task<Error> explain_topic_error(ClientContext& context, std::string name, Error error);

// Connects; errors with a hint.
Task<Result<void>> first_contact(ClientContext& context);

inline constexpr int kInterrupted = 130;  // exit code after Ctrl-C, as shells expect

// Watches for Ctrl-C: the first asks to stop, the second ends the process at once.
Task<void> watch_interrupts(runtime::Signals* signals, runtime::StopSource* stop);

// Whether Ctrl-C ends the command at once, or asks it to come to an end (ClientContext::stop).
enum class OnInterrupt : uint8_t { kEnd, kStop };

// Runs `command` against the cluster of `args.cluster` and reports what it says. A command that cannot be understood
// (kInvalidArgument) ends with exit code 2.
template <typename Args>
int run_client(const Args& args, const ClusterArgs& where, Task<Result<void>> (*command)(ClientContext&, Args),
               OnInterrupt on_interrupt = OnInterrupt::kEnd) {
  auto bootstrap = client::parse_bootstrap(where.bootstrap);
  if (!bootstrap) {
    report(bootstrap.error().within("--bootstrap-server"));
    return kUsage;
  }
  const bool stoppable = on_interrupt == OnInterrupt::kStop;
  runtime::RealProcess process({.log_level = LogLevel::kError, .holds_signals = stoppable});
  return process.run(
      [](runtime::Environment& env, client::ClientOptions options, std::string typed, runtime::RealLoop* loop, Args args,
         Task<Result<void>> (*command)(ClientContext&, Args)) -> Task<int> {
        std::optional<runtime::Signals> signals;
        runtime::StopSource stop;
        runtime::TaskGroup watching(env.executor);
        if (loop != nullptr) {
          signals.emplace(*loop);
          watching.spawn(&watch_interrupts, &*signals, &stop);
        }
        client::Cluster cluster(env, std::move(options));
        ClientContext context{env, cluster, client::Admin(cluster), std::move(typed), stop.token()};
        Result<void> done = co_await first_contact(context);
        if (done) done = co_await command(context, std::move(args));
        co_await cluster.shut_down();
        if (signals) signals->close();
        (void)co_await watching.join();
        const bool is_interrupted = stop.stop_requested() && (done || done.error().code() == ErrorCode::kCancelled);
        if (is_interrupted) co_return kInterrupted;
        if (done) co_return kDone;
        report(done.error());
        co_return done.error().code() == ErrorCode::kInvalidArgument ? kUsage : kFailed;
      },
      client::ClientOptions{.bootstrap = std::move(*bootstrap), .client_id = where.client_id}, where.bootstrap,
      stoppable ? &process.loop() : nullptr, args, command);
}

}  // namespace weir::cli
