// Appends to one partition of an internal topic in one leadership of this broker, and says when each append takes effect.
//
// What a coordinator decides is a record, and nothing that depends on a record is true before the record is committed. A Write
// is whatever the coordinator wants to remember until then.
//
// Owner    the coordinator of that partition, which calls close() before it forgets the partition; the task that waits for
//          commits shares it.
// Shard    the broker shard.
// Holds    - on_committed() comes once for each write, in the order of their offsets
//          - on_given_up() comes at most once for a write, when its time is over; on_committed() may still follow
//          - at most kWritesMax writes are under way
//          - after close() nothing comes any more
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "weir/replication/partition_manager.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/task_group.h"

namespace weir::coordinator {

using runtime::Task;

// What a client may hear of an append that failed: it looks for the coordinator again, or tries again.
ErrorCode append_error_for_client(ErrorCode code);

// Where a writer writes, and for how long it waits.
struct WriterPlace {
  runtime::Environment& environment;
  replication::PartitionManager& partitions;
  runtime::TaskGroup& tasks;
  storage::TopicPartition partition;
  LeaderEpoch epoch;
  Duration commit_timeout;
  bool planted_commit_at_once = false;  // tests of the tests: an append is taken for committed
};

template <typename Write>
class PartitionWriter : public std::enable_shared_from_this<PartitionWriter<Write>> {
 public:
  static constexpr size_t kWritesMax = 100'000;

  // Outlives the writer, or closes it.
  class Listener {
   public:
    virtual void on_committed(Write& write) = 0;
    virtual void on_given_up(Write& write) = 0;
    // The leadership has ended, or the log is of no more use: close() the writer.
    virtual void on_lost() = 0;

   protected:
    ~Listener() = default;
  };

  PartitionWriter(WriterPlace place, Listener& listener) : place_(std::move(place)), listener_(listener) {}

  // Queues `batch`. Errors: kNotCoordinator, kCoordinatorNotAvailable (also: too many writes under way), kUnknownServerError (it
  // is too large); nothing was queued then.
  Result<void> append(SharedBytes batch, Write write) {
    if (closed_) return fail(ErrorCode::kNotCoordinator);
    if (under_way_.size() >= kWritesMax) return fail(ErrorCode::kCoordinatorNotAvailable, "too many records wait to be committed");
    const replication::PartitionRef partition = led();
    if (!partition) return fail(ErrorCode::kNotCoordinator);
    const storage::AppendInfo info{.now = place_.environment.clock.wall_ms(), .origin = storage::AppendOrigin::kCoordinator};
    const Result<storage::AppendResult> appended = partition->append(std::move(batch), info, -1);
    if (!appended) return fail(append_error_for_client(appended.error().code()), appended.error().message());
    WEIR_ASSERT(under_way_.empty() || under_way_.back().last_offset < appended->base_offset, appended->base_offset);
    if (place_.planted_commit_at_once) {
      listener_.on_committed(write);
      return {};
    }
    under_way_.push_back({appended->last_offset, now() + place_.commit_timeout, std::move(write)});
    if (!std::exchange(is_waiting_, true)) place_.tasks.spawn(&PartitionWriter::wait_for_commits, this->shared_from_this());
    return {};
  }

  // Calls `visit(const Write&)` for each write under way, in the order of the log.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const UnderWay& row : under_way_) visit(row.write);
  }
  // Ends it; the writes that were under way, whose fate nobody learns here any more.
  std::vector<Write> close() {
    closed_ = true;
    std::vector<Write> left;
    for (UnderWay& row : under_way_) left.push_back(std::move(row.write));
    under_way_.clear();
    return left;
  }

 private:
  struct UnderWay {
    Offset last_offset;
    MonoTime give_up;
    Write write;
  };

  MonoTime now() const { return place_.environment.executor.now(); }
  // The partition while this is still its leadership.
  replication::PartitionRef led() const {
    replication::PartitionRef partition = place_.partitions.find(place_.partition.topic, place_.partition.partition);
    if (!partition || !partition->is_leader() || partition->leader_epoch() != place_.epoch) return {};
    return partition;
  }
  // When the next write is to be given up. The first given_up_ of them have been.
  MonoTime next_give_up() const {
    return given_up_ < under_way_.size() ? under_way_[given_up_].give_up : now() + place_.commit_timeout;
  }
  void give_up_overdue() {
    const MonoTime time = now();
    while (given_up_ < under_way_.size() && under_way_[given_up_].give_up <= time) {
      listener_.on_given_up(under_way_[given_up_++].write);
    }
  }
  void commit_front() {
    UnderWay done = std::move(under_way_.front());
    under_way_.pop_front();
    if (given_up_ > 0) --given_up_;
    listener_.on_committed(done.write);
  }

  // Ends when there is nothing left to wait for.
  static Task<void> wait_for_commits(std::shared_ptr<PartitionWriter> self) {
    while (!self->under_way_.empty()) {
      const Offset last = self->under_way_.front().last_offset;
      const Deadline deadline = Deadline::at(self->next_give_up());
      const replication::PartitionRef partition = self->led();
      Result<void> committed = fail(ErrorCode::kNotLeaderOrFollower);
      if (partition) committed = co_await partition->committed(last, self->place_.epoch, deadline);
      if (self->closed_) break;
      if (committed) {
        self->commit_front();
      } else if (committed.error().code() == ErrorCode::kRequestTimedOut) {
        self->give_up_overdue();
      } else {
        self->listener_.on_lost();
        WEIR_ASSERT(self->closed_, self->place_.partition.topic);
      }
    }
    self->is_waiting_ = false;
  }

  WriterPlace place_;
  Listener& listener_;
  std::deque<UnderWay> under_way_;
  size_t given_up_ = 0;
  bool is_waiting_ = false;  // a task waits for the front
  bool closed_ = false;
};

}  // namespace weir::coordinator
