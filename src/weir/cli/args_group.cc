// weir group.
#include "weir/cli/args_app.h"
#include "weir/cli/group_args.h"
#include "weir/cli/help_group.h"

namespace weir::cli {

void add_group_commands(CLI::App& app, Commands& commands) {
  const auto args = std::make_shared<GroupArgs>();
  CLI::App* group = add_command(app, "group", help::kGroup);
  group->require_subcommand(1);
  CLI::App* list = add_client_command(*group, "list", help::kGroupList, args->cluster);
  add_many(*list, "--state", args->states);
  CLI::App* describe = add_client_command(*group, "describe", help::kGroupDescribe, args->cluster);
  CLI::App* reset = add_client_command(*group, "reset", help::kGroupReset, args->cluster);
  CLI::App* remove = add_client_command(*group, "delete", help::kGroupDelete, args->cluster);
  for (CLI::App* one : {describe, remove}) one->add_option("names", args->names)->required();
  reset->add_option("name", args->names)->required()->expected(1);
  for (CLI::App* one : {reset, remove}) add_many(*one, "--topic", args->topics);
  reset->add_flag("--to-earliest", args->to_earliest);
  reset->add_flag("--to-latest", args->to_latest);
  reset->add_option("--to-offset", args->to_offset)->check(CLI::Range(int64_t{0}, INT64_MAX));
  reset->add_option("--shift-by", args->shift_by);
  reset->add_option("--to-datetime", args->to_datetime);
  reset->add_option("--by-duration", args->by_duration);
  reset->add_flag("--execute", args->execute);
  reset->add_flag("!--dry-run", args->execute);
  commands.add(list, [args] { return group_list(*args); });
  commands.add(describe, [args] { return group_describe(*args); });
  commands.add(reset, [args] { return group_reset(*args); });
  commands.add(remove, [args] { return group_delete(*args); });
}

}  // namespace weir::cli
