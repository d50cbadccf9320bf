// What a broker tells of itself.
//
// Errors   what it answers; those of rpc::Connection.
#pragma once

#include "weir/client/cluster.h"

namespace weir::client {

struct BrokerVersions {
  size_t apis = 0;
  std::string features;  // the finalized ones, "group.version=1 metadata.version=30"; empty from brokers older than 3.0
};
Task<Result<BrokerVersions>> describe_versions(ConnectionPtr broker, Patience patience);

struct LogDir {
  std::string path;
  bool is_offline = false;
  int64_t bytes = 0;          // of all replicas in it; 0 when they were not asked for
  int64_t total_bytes = -1;   // of the file system; -1 from brokers older than 3.3
  int64_t usable_bytes = -1;  // likewise
};
// With the size of what is in them, which takes as long as there are partitions.
Task<Result<std::vector<LogDir>>> describe_log_dirs(ConnectionPtr broker, bool with_sizes, Patience patience);

}  // namespace weir::client
