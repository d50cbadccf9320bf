// What the options of weir group come to.
#pragma once

#include "weir/cli/client_args.h"

namespace weir::cli {

struct GroupArgs {
  ClusterArgs cluster;
  std::vector<std::string> names;
  std::vector<std::string> states;  // list: only these
  std::vector<std::string> topics;  // "topic" or "topic:0,3"
  bool to_earliest = false;
  bool to_latest = false;
  std::optional<int64_t> to_offset;
  std::optional<int64_t> shift_by;
  std::optional<std::string> to_datetime;
  std::optional<std::string> by_duration;
  bool execute = false;
};
int group_list(const GroupArgs& args);
int group_describe(const GroupArgs& args);
int group_reset(const GroupArgs& args);
int group_delete(const GroupArgs& args);

}  // namespace weir::cli
