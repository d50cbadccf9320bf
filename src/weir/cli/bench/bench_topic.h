// The topic that a load runs on: the one that was named, or one made for the run.
#pragma once

#include "weir/cli/bench/options.h"
#include "weir/cli/client_command.h"

namespace weir::cli {

struct BenchTopic {
  client::TopicPtr topic;
  bool is_ours = false;  // made for this run: deleted after it
  std::vector<client::PartitionOffset> starts;
  std::vector<client::PartitionOffset> ends;
};

// Finds or makes it, and waits until every partition answers.
Task<Result<BenchTopic>> open_bench_topic(ClientContext& context, const BenchArgs& args);
Task<void> drop_bench_topic(ClientContext& context, const BenchArgs& args, const BenchTopic& topic);

}  // namespace weir::cli
