// What the options of `weir backup` and `weir restore` come to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weir/cli/client_args.h"

namespace weir::cli {

struct BackupArgs {
  ClusterArgs cluster;
  std::string dir;
  std::vector<std::string> topics;  // none: all but internal ones
  bool no_groups = false;
  bool verify = false;              // only look at the directory
  // restore
  bool overwrite = false;
  bool resume = false;
  bool dry_run = false;
  std::optional<int16_t> replicas;
};
int backup(const BackupArgs& args);
int restore(const BackupArgs& args);

}  // namespace weir::cli
