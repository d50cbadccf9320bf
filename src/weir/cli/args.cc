#include "weir/cli/args.h"

#include <cstdio>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "weir/cli/client_args.h"
#include "weir/cli/commands.h"
#include "weir/cli/help.h"
#include "weir/cli/help_client.h"
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

// The commands that talk to a cluster.
struct ClientCommands {
  TopicArgs topic_args;
  ProduceArgs produce_args;
  ConsumeArgs consume_args;
  ClusterArgs cluster_args;
  ClientConfigArgs config_args;
  CLI::App* list = nullptr;
  CLI::App* describe = nullptr;
  CLI::App* create = nullptr;
  CLI::App* remove = nullptr;
  CLI::App* alter = nullptr;
  CLI::App* produce_command = nullptr;
  CLI::App* consume_command = nullptr;
  CLI::App* cluster = nullptr;
  CLI::App* get = nullptr;
  CLI::App* set = nullptr;

  explicit ClientCommands(CLI::App& app) {
    add_topic(app);

    produce_command = client_command(app, "produce", help::kProduce, produce_args.cluster);
    produce_command->add_option("topic", produce_args.topic)->required();
    produce_command->add_option("-k,--separator", produce_args.separator);
    produce_command->add_option("--key", produce_args.key);
    many(*produce_command, "--header", produce_args.headers);
    produce_command->add_option("--partition", produce_args.partition)->check(CLI::Range(0, INT32_MAX));
    produce_command->add_option("--compression", produce_args.compression)->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}));
    produce_command->add_option("--acks", produce_args.acks)->check(CLI::IsMember({"all", "1", "0"}));

    consume_command = client_command(app, "consume", help::kConsume, consume_args.cluster);
    consume_command->add_option("topic", consume_args.topic)->required();
    consume_command->add_option("--from", consume_args.from);
    consume_command->add_option("--partition", consume_args.partitions)->allow_extra_args(false)->take_all();
    consume_command->add_option("--format", consume_args.format);
    consume_command->add_option("--max,-n", consume_args.max);
    consume_command->add_flag("--follow,-f", consume_args.follow);
    consume_command->add_flag("--read-committed", consume_args.read_committed);

    cluster = client_command(app, "cluster", help::kCluster, cluster_args);

    CLI::App* config = command(app, "config", help::kConfig);
    config->require_subcommand(1);
    get = client_command(*config, "get", help::kConfigGet, config_args.cluster);
    set = client_command(*config, "set", help::kConfigSet, config_args.cluster);
    for (CLI::App* one : {get, set}) {
      one->add_option("type", config_args.type)->required()->check(CLI::IsMember({"topic", "broker"}));
      one->add_option("name", config_args.name)->required();
      one->add_option("words", config_args.words);
    }
    get->add_flag("--all,-a", config_args.all);
    many(*set, "--reset", config_args.resets);
  }

  void add_topic(CLI::App& app) {
    CLI::App* topic = command(app, "topic", help::kTopic);
    topic->require_subcommand(1);
    list = client_command(*topic, "list", help::kTopicList, topic_args.cluster);
    list->add_flag("--all,-a", topic_args.all);
    describe = client_command(*topic, "describe", help::kTopicDescribe, topic_args.cluster);
    create = client_command(*topic, "create", help::kTopicCreate, topic_args.cluster);
    remove = client_command(*topic, "delete", help::kTopicDelete, topic_args.cluster);
    alter = client_command(*topic, "alter", help::kTopicAlter, topic_args.cluster);
    for (CLI::App* one : {describe, create, remove}) one->add_option("names", topic_args.names)->required();
    alter->add_option("name", topic_args.names)->required()->expected(1);
    for (CLI::App* one : {create, alter}) {
      one->add_option("--partitions", topic_args.partitions)->check(CLI::Range(1, 1'000'000));
      many(*one, "--config", topic_args.configs);
    }
    create->add_option("--replicas", topic_args.replicas)->check(CLI::Range(1, 32767));
    create->add_flag("--dry-run", topic_args.dry_run);
    many(*alter, "--reset", topic_args.resets);
  }

  static CLI::App* client_command(CLI::App& parent, const char* name, std::string_view page, ClusterArgs& args) {
    CLI::App* app = command(parent, name, page);
    app->add_option("--bootstrap-server", args.bootstrap);
    app->add_flag("--json", args.json);
    return app;
  }
  static void many(CLI::App& app, const char* name, std::vector<std::string>& into) {
    app.add_option(name, into)->allow_extra_args(false)->take_all();
  }

  // Nothing when none of them was typed.
  std::optional<int> run() const {
    if (list->parsed()) return topic_list(topic_args);
    if (describe->parsed()) return topic_describe(topic_args);
    if (create->parsed()) return topic_create(topic_args);
    if (remove->parsed()) return topic_delete(topic_args);
    if (alter->parsed()) return topic_alter(topic_args);
    if (produce_command->parsed()) return produce(produce_args);
    if (consume_command->parsed()) return consume(consume_args);
    if (cluster->parsed()) return describe_cluster(cluster_args);
    if (get->parsed()) return config_get(config_args);
    if (set->parsed()) return config_set(config_args);
    return std::nullopt;
  }
};

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
  std::optional<ClientCommands> client;

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

    client.emplace(app);
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
    if (const std::optional<int> code = client->run()) return *code;
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
