#include "weir/runtime/real/offload.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "weir/runtime/real/loop.h"

namespace weir::runtime {

struct RealOffload::Pool {
  struct Queued {
    RealLoop* loop = nullptr;
    OffloadJob* job = nullptr;
    DetachedJob* detached = nullptr;

    // The frame that holds `job` may be gone as soon as its handle is posted.
    void run() const {
      const std::coroutine_handle<> awaiting = job->awaiting;
      job->run();
      if (detached != nullptr) loop->post(static_cast<ShardMessage&>(*detached));
      else loop->post(awaiting);
    }
  };

  void put(Queued queued) {
    {
      const std::lock_guard lock(mutex);
      if (waiting.size() < kOffloadJobsMax) {
        waiting.push_back(queued);
        // A thread that was woken for an earlier job is idle until it has taken it: it does not count for this one.
        if (waiting.size() > idle && threads.size() < threads_max) {
          const std::string thread_name = name + "." + std::to_string(threads.size());
          threads.emplace_back([this, thread_name] { work(thread_name); });
        } else if (idle > 0) {
          wake.notify_one();
        }
        return;
      }
    }
    queued.run();
  }
  void work(const std::string& thread_name) {
    pthread_setname_np(pthread_self(), thread_name.substr(0, 15).c_str());
    std::unique_lock lock(mutex);
    for (;;) {
      while (waiting.empty() && !ending) {
        ++idle;
        wake.wait(lock);
        --idle;
      }
      if (waiting.empty()) return;
      const Queued queued = waiting.front();
      waiting.pop_front();
      lock.unlock();
      queued.run();
      lock.lock();
    }
  }

  std::string name;
  size_t threads_max;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Queued> waiting;  // these four under mutex
  size_t idle = 0;
  bool ending = false;
  std::vector<std::thread> threads;
};

RealOffload::RealOffload(size_t threads, std::string name) : pool_(std::make_unique<Pool>()) {
  WEIR_ASSERT(threads > 0);
  pool_->name = std::move(name);
  pool_->threads_max = threads;
}

RealOffload::~RealOffload() {
  {
    const std::lock_guard lock(pool_->mutex);
    pool_->ending = true;
  }
  pool_->wake.notify_all();
  for (std::thread& thread : pool_->threads) thread.join();
}

void RealOffload::submit(Executor& executor, OffloadJob& job) {
  RealLoop* loop = dynamic_cast<RealLoop*>(&executor);
  WEIR_ASSERT(loop != nullptr);
  pool_->put({.loop = loop, .job = &job});
}

void RealOffload::submit(RealLoop& loop, std::unique_ptr<DetachedJob> job) {
  DetachedJob* detached = job.release();
  pool_->put({.loop = &loop, .job = detached, .detached = detached});
}

}  // namespace weir::runtime
