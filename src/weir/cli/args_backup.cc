// weir backup, weir restore, weir doctor.
#include "weir/cli/args_app.h"
#include "weir/cli/backup/options.h"
#include "weir/cli/doctor/options.h"
#include "weir/cli/help_backup.h"

namespace weir::cli {

void add_backup_commands(CLI::App& app, Commands& commands) {
  const auto saving = std::make_shared<BackupArgs>();
  CLI::App* command = add_client_command(app, "backup", help::kBackup, saving->cluster);
  command->add_option("--to,dir", saving->dir)->required();
  add_many(*command, "--topic", saving->topics);
  command->add_flag("--no-groups", saving->no_groups);
  command->add_flag("--verify", saving->verify);
  commands.add(command, [saving] { return backup(*saving); });

  const auto restoring = std::make_shared<BackupArgs>();
  command = add_client_command(app, "restore", help::kRestore, restoring->cluster);
  command->add_option("--from,dir", restoring->dir)->required();
  add_many(*command, "--topic", restoring->topics);
  command->add_flag("--no-groups", restoring->no_groups);
  command->add_option("--replicas", restoring->replicas)->check(CLI::Range(1, 32767));
  CLI::Option* resume = command->add_flag("--resume", restoring->resume);
  command->add_flag("--overwrite", restoring->overwrite)->excludes(resume);
  command->add_flag("--dry-run", restoring->dry_run);
  commands.add(command, [restoring] { return restore(*restoring); });

  const auto looking = std::make_shared<DoctorArgs>();
  command = add_client_command(app, "doctor", help::kDoctor, looking->cluster);
  command->add_flag("--all,-a", looking->all);
  command->add_option("--pid", looking->pid)->check(CLI::PositiveNumber);
  commands.add(command, [looking] { return doctor(*looking); });
}

}  // namespace weir::cli
