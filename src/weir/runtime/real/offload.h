// A pool of threads for what would hold up a loop: fsync, cold reads, compression, name look-ups.
//
// Owner    RealProcess: one pool for all shards.
// Shard    any; `submit` must be given a RealLoop, which must outlive the pool's threads.
// Holds    - jobs start in the order submitted
//          - a job's coroutine resumes on the loop it was submitted from
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "weir/runtime/offload.h"
#include "weir/runtime/shard.h"

namespace weir::runtime {

class RealLoop;

// Jobs waiting for a thread. Beyond it the submitting shard runs the job itself: while it does, it reads no socket, which
// is the back-pressure.
inline constexpr size_t kOffloadJobsMax = 4096;
inline constexpr size_t kOffloadThreads = 4;

// Work that may outlive whoever asked for it: owns itself. `run` on a thread of the pool, then `finish` on the loop, then
// deleted; when the loop ends first, deleted without `finish`.
class DetachedJob : public OffloadJob, private ShardMessage {
 public:
  virtual ~DetachedJob() = default;

 protected:
  virtual void finish() noexcept = 0;

 private:
  friend class RealOffload;
  void deliver() noexcept override {
    finish();
    delete this;
  }
  void discard() noexcept override { delete this; }
};

class RealOffload final : public Offload {
 public:
  // Threads are named `name`.0, `name`.1, ... and start with the first job.
  explicit RealOffload(size_t threads = kOffloadThreads, std::string name = "offload");
  // Waits for the jobs under way and runs those that wait.
  ~RealOffload() override;

  void submit(Executor& executor, OffloadJob& job) override;
  void submit(RealLoop& loop, std::unique_ptr<DetachedJob> job);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace weir::runtime
