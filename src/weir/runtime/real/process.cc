#include "weir/runtime/real/process.h"

#include <pthread.h>

#include <thread>

namespace weir::runtime {

RealShard::RealShard(ShardId id, RealOffload& offload, Logger log, SocketOptions sockets)
    : id_(id),
      loop_(log.named("runtime")),
      network_(loop_, sockets),
      disk_(loop_, offload),
      environment_{loop_, clock_, random_, network_, disk_, offload, log},
      calls_(loop_) {}

RealShard::~RealShard() = default;

RealProcess::RealProcess(RealProcessOptions options)
    : own_sink_(options.log_sink == nullptr ? std::make_unique<RealLogSink>(options.log_format) : nullptr),
      log_(options.log_sink != nullptr ? *options.log_sink : *own_sink_, "node", options.log_level),
      offload_(std::make_unique<RealOffload>(options.offload_threads)) {
  WEIR_ASSERT(options.shards > 0);
  if (options.holds_signals) block_signals();
  for (size_t i = 0; i < options.shards; ++i) {
    shards_.push_back(std::make_unique<RealShard>(ShardId(static_cast<int32_t>(i)), *offload_, log_, options.sockets));
  }
}

RealProcess::~RealProcess() = default;

void RealProcess::run_loops() {
  std::vector<std::thread> threads;
  for (size_t i = 1; i < shards_.size(); ++i) {
    threads.emplace_back([this, i] {
      pthread_setname_np(pthread_self(), fmt::format("shard.{}", i).c_str());
      loop(i).run();
    });
  }
  loop().run();
  for (size_t i = 1; i < shards_.size(); ++i) loop(i).stop();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace weir::runtime
