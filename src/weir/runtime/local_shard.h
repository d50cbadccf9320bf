// A shard on a loop that is there already: the simulator's, and that of a program with one thread.
#pragma once

#include <utility>
#include <vector>

#include "weir/runtime/shard.h"

namespace weir::runtime {

// `post` is for the loop's thread only.
class LocalShard final : public Shard {
 public:
  LocalShard(ShardId id, Executor& executor) : id_(id), executor_(executor), calls_(executor), delivery_(*this) {}
  ~LocalShard() override {
    for (ShardMessage* message : queue_) message->discard();
  }
  ShardId id() const override { return id_; }
  Executor& executor() override { return executor_; }
  TaskGroup& calls() override { return calls_; }
  void post(ShardMessage& message) override {
    queue_.push_back(&message);
    if (!delivery_.is_armed()) executor_.arm(delivery_, executor_.now());
  }

 private:
  struct Delivery final : Timer {
    explicit Delivery(LocalShard& shard) : shard(shard) {}
    void on_fire() override {
      const std::vector<ShardMessage*> batch = std::exchange(shard.queue_, {});
      for (ShardMessage* message : batch) message->deliver();
    }
    LocalShard& shard;
  };

  ShardId id_;
  Executor& executor_;
  TaskGroup calls_;
  std::vector<ShardMessage*> queue_;
  Delivery delivery_;
};

}  // namespace weir::runtime
