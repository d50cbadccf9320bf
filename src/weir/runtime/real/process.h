// A process on the real system: its shards, each a thread with a loop and everything a node may ask of the world.
//
//   Task<int> serve(Environment& env, std::string greeting) {
//     const auto listener = co_await env.network.listen({"localhost", 9092});
//     ...
//     co_return 0;                                   // the process's exit code
//   }
//   int main() {
//     runtime::RealProcess process({.shards = 2});
//     return process.run(serve, std::string("hello"));   // `serve` runs on shard 0, which is this thread
//   }
//
// Owner    main(), or a test.
// Order    run() starts the other shards' threads, runs `main` on shard 0, and when it has returned stops the loops and joins
//          the threads. Tasks still running then are destroyed: a clean stop has joined its groups before.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "weir/runtime/environment.h"
#include "weir/runtime/real/clock.h"
#include "weir/runtime/real/disk.h"
#include "weir/runtime/real/log_sink.h"
#include "weir/runtime/real/loop.h"
#include "weir/runtime/real/network.h"
#include "weir/runtime/real/offload.h"
#include "weir/runtime/real/random.h"
#include "weir/runtime/real/signals.h"
#include "weir/runtime/shard.h"

namespace weir::runtime {

class RealShard final : public Shard {
 public:
  RealShard(ShardId id, RealOffload& offload, Logger log, SocketOptions sockets);
  ~RealShard() override;

  ShardId id() const override { return id_; }
  Executor& executor() override { return loop_; }
  void post(ShardMessage& message) override { loop_.post(message); }
  TaskGroup& calls() override { return calls_; }

  RealLoop& loop() { return loop_; }
  Environment& environment() { return environment_; }

 private:
  ShardId id_;
  RealLoop loop_;
  RealClock clock_;
  RealRandom random_;
  RealNetwork network_;
  RealDisk disk_;
  Environment environment_;
  TaskGroup calls_;
};

struct RealProcessOptions {
  size_t shards = 1;
  size_t offload_threads = kOffloadThreads;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  LogSink* log_sink = nullptr;  // instead of standard error
  // SIGINT, SIGTERM and SIGHUP are held back for Signals(process.loop()); must be decided before any thread starts.
  bool holds_signals = false;
  SocketOptions sockets = {};
};

class RealProcess {
 public:
  explicit RealProcess(RealProcessOptions options = {});
  ~RealProcess();

  size_t shard_count() const { return shards_.size(); }
  RealShard& shard(size_t index) { return *shards_[index]; }
  RealLoop& loop(size_t index = 0) { return shard(index).loop(); }
  Environment& environment(size_t index = 0) { return shard(index).environment(); }
  Logger log() const { return log_; }

  // main(Environment&, args...) is a Task<int>; captureless, arguments by value. Returns what it returned.
  template <typename Fn, typename... Args>
  int run(Fn main, Args... args) {
    int code = 0;
    TaskGroup group(loop());
    group.spawn(
        [](RealProcess* self, int* code, Fn main, Args... args) -> Task<void> {
          *code = co_await main(self->environment(), std::move(args)...);
          self->loop().stop();
        },
        this, &code, main, std::move(args)...);
    run_loops();
    return code;
  }

 private:
  void run_loops();

  std::unique_ptr<RealLogSink> own_sink_;
  Logger log_;
  std::vector<std::unique_ptr<RealShard>> shards_;
  std::unique_ptr<RealOffload> offload_;  // ends before the loops it posts to
};

}  // namespace weir::runtime
