// What the commands that talk to a cluster share: a process, a connected Cluster, and sentences about names.
#pragma once

#include "weir/cli/client_args.h"
#include "weir/cli/commands.h"
#include "weir/cli/report.h"
#include "weir/client/admin.h"
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

  // For one question.
  client::Patience patience() const { return {Deadline::at(env.executor.now() + kCommandTimeout), {}}; }
};

// The word nearest to `word`; empty when none is near.
std::string nearest_word(std::string_view word, const std::vector<std::string>& words);

// The topic, or a sentence that names the nearest one.
Task<Result<client::TopicPtr>> find_topic(ClientContext& context, std::string name);
// What went wrong with topic `name`, with the nearest name when there is no such topic.
Task<Error> explain_topic_error(ClientContext& context, std::string name, Error error);

// "key=value". Errors: kInvalidArgument.
Result<std::pair<std::string, std::string>> parse_pair(std::string_view text);

// Connects; errors with a hint.
Task<Result<void>> first_contact(ClientContext& context);

// Runs `command` against the cluster of `args.cluster` and reports what it says. A command that cannot be understood
// (kInvalidArgument) ends with exit code 2.
template <typename Args>
int run_client(const Args& args, const ClusterArgs& where, Task<Result<void>> (*command)(ClientContext&, Args)) {
  auto bootstrap = client::parse_bootstrap(where.bootstrap);
  if (!bootstrap) {
    report(bootstrap.error().within("--bootstrap-server"));
    return kUsage;
  }
  runtime::RealProcess process({.log_level = LogLevel::kError});
  return process.run(
      [](runtime::Environment& env, client::ClientOptions options, std::string typed, Args args,
         Task<Result<void>> (*command)(ClientContext&, Args)) -> Task<int> {
        client::Cluster cluster(env, std::move(options));
        ClientContext context{env, cluster, client::Admin(cluster), std::move(typed)};
        Result<void> done = co_await first_contact(context);
        if (done) done = co_await command(context, std::move(args));
        co_await cluster.shut_down();
        if (done) co_return kDone;
        report(done.error());
        co_return done.error().code() == ErrorCode::kInvalidArgument ? kUsage : kFailed;
      },
      client::ClientOptions{.bootstrap = std::move(*bootstrap), .client_id = "weir-cli"}, where.bootstrap, args, command);
}

}  // namespace weir::cli
