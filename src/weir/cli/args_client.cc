// The commands that talk to a cluster.
#include "weir/cli/args_app.h"
#include "weir/cli/help_client.h"

namespace weir::cli {

namespace {

void add_topic(CLI::App& app, Commands& commands) {
  const auto args = std::make_shared<TopicArgs>();
  CLI::App* topic = add_command(app, "topic", help::kTopic);
  topic->require_subcommand(1);
  CLI::App* list = add_client_command(*topic, "list", help::kTopicList, args->cluster);
  list->add_flag("--all,-a", args->all);
  CLI::App* describe = add_client_command(*topic, "describe", help::kTopicDescribe, args->cluster);
  CLI::App* create = add_client_command(*topic, "create", help::kTopicCreate, args->cluster);
  CLI::App* remove = add_client_command(*topic, "delete", help::kTopicDelete, args->cluster);
  CLI::App* alter = add_client_command(*topic, "alter", help::kTopicAlter, args->cluster);
  for (CLI::App* one : {describe, create, remove}) one->add_option("names", args->names)->required();
  alter->add_option("name", args->names)->required()->expected(1);
  for (CLI::App* one : {create, alter}) {
    one->add_option("--partitions", args->partitions)->check(CLI::Range(1, 1'000'000));
    add_many(*one, "--config", args->configs);
  }
  create->add_option("--replicas", args->replicas)->check(CLI::Range(1, 32767));
  create->add_flag("--dry-run", args->dry_run);
  add_many(*alter, "--reset", args->resets);
  CLI::App* trim = add_client_command(*topic, "delete-records", help::kTopicDeleteRecords, args->cluster);
  trim->add_option("name", args->names)->required()->expected(1);
  trim->add_option("--before", args->before)->required();
  add_many(*trim, "--partition,-p", args->of);
  commands.add(trim, [args] { return topic_delete_records(*args); });
  commands.add(list, [args] { return topic_list(*args); });
  commands.add(describe, [args] { return topic_describe(*args); });
  commands.add(create, [args] { return topic_create(*args); });
  commands.add(remove, [args] { return topic_delete(*args); });
  commands.add(alter, [args] { return topic_alter(*args); });
}

void add_produce(CLI::App& app, Commands& commands) {
  const auto args = std::make_shared<ProduceArgs>();
  CLI::App* command = add_client_command(app, "produce", help::kProduce, args->cluster);
  command->add_option("topic", args->topic)->required();
  command->add_option("files", args->files);
  command->add_option("--input", args->input)->check(CLI::IsMember({"lines", "json"}));
  command->add_flag("--whole", args->whole);
  command->add_option("-k,--separator", args->separator);
  command->add_flag("--empty-is-null,-Z", args->empty_is_null);
  command->add_flag("--keep-partition", args->keep_partition);
  command->add_option("--key", args->key);
  add_many(*command, "--header", args->headers);
  command->add_option("--partition,-p", args->partition)->check(CLI::Range(0, INT32_MAX));
  add_compression(*command, args->compression);
  command->add_option("--acks", args->acks)->check(CLI::IsMember({"all", "1", "0"}));
  commands.add(command, [args] { return produce(*args); });
}

void add_consume(CLI::App& app, Commands& commands) {
  const auto args = std::make_shared<ConsumeArgs>();
  CLI::App* command = add_client_command(app, "consume", help::kConsume, args->cluster);
  command->add_option("topic", args->topic)->required();
  command->add_option("--from", args->from);
  command->add_option("--until", args->until);
  add_many(*command, "--partition,-p", args->partitions);
  add_many(*command, "--where", args->where);
  command->add_option("--format", args->format);
  command->add_option("--max,-n", args->max);
  CLI::Option* follow = command->add_flag("--follow,-f", args->follow);
  command->add_flag("--exit-at-end,-e")->excludes(follow);  // the default, for those who know it from kcat
  command->add_flag("--read-committed", args->read_committed);
  CLI::Option* group = command->add_option("--group,-G", args->group);
  command->add_option("--instance", args->instance)->needs(group);
  add_many(*command, "--assignor", args->assignors)->needs(group)->check(CLI::IsMember({"range", "roundrobin", "cooperative-sticky"}));
  add_duration(*command, "--session", args->session_ms, INT32_MAX)->needs(group);
  add_duration(*command, "--idle", args->idle_ms)->needs(group);
  commands.add(command, [args] { return consume(*args); });
}

void add_cluster(CLI::App& app, Commands& commands) {
  const auto args = std::make_shared<ClusterArgs>();
  commands.add(add_client_command(app, "cluster", help::kCluster, *args), [args] { return describe_cluster(*args); });
}

void add_config(CLI::App& app, Commands& commands) {
  const auto args = std::make_shared<ClientConfigArgs>();
  CLI::App* config = add_command(app, "config", help::kConfig);
  config->require_subcommand(1);
  CLI::App* get = add_client_command(*config, "get", help::kConfigGet, args->cluster);
  CLI::App* set = add_client_command(*config, "set", help::kConfigSet, args->cluster);
  for (CLI::App* one : {get, set}) {
    one->add_option("type", args->type)->required()->check(CLI::IsMember({"topic", "broker", "group"}));
    one->add_option("name", args->name)->required();
    one->add_option("words", args->words);
  }
  get->add_flag("--all,-a", args->all);
  add_many(*set, "--reset", args->resets);
  commands.add(get, [args] { return config_get(*args); });
  commands.add(set, [args] { return config_set(*args); });
}

}  // namespace

void add_client_commands(CLI::App& app, Commands& commands) {
  add_topic(app, commands);
  add_produce(app, commands);
  add_consume(app, commands);
  add_cluster(app, commands);
  add_config(app, commands);
}

}  // namespace weir::cli
