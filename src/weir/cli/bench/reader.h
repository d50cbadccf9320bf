// One connection's worth of reading: fetches its partitions from one broker in turn after turn, counts what comes, and looks
// into records only when they are marked.
//
// Owner    the command. close() before destroying it, when run() has come back or was not begun.
// Shard    one.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "weir/cli/bench/load.h"
#include "weir/cli/bench/options.h"
#include "weir/cli/client_command.h"
#include "weir/client/fetch_session.h"
#include "weir/codec/compression.h"
#include "weir/record/batch.h"

namespace weir::cli {

class LoadReader {
 public:
  struct Shared {
    ClientContext& context;
    const BenchArgs& args;
    const LoadPlan& plan;
    LoadStats& stats;
    client::TopicPtr topic;
    uint64_t run = 0;         // of the marks that count; 0: records are not looked into
    Ledger* ledger = nullptr;
  };
  struct Place {
    PartitionIndex index;
    LeaderEpoch leader_epoch;
    Offset begin;
    Offset next;
    Offset end = Offset(INT64_MAX);  // read up to here; then the reader begins again, or is at its end
  };

  LoadReader(Shared shared, BrokerId broker, std::vector<Place> places, bool begins_again)
      : shared_(std::move(shared)),
        executor_(shared_.context.env.executor),
        broker_(broker),
        places_(std::move(places)),
        begins_again_(begins_again),
        loops_(executor_) {}

  Task<Result<void>> open();
  // Until everything is read (when it does not begin again), the plan is over, or `stop`.
  static Task<void> run(LoadReader* self, runtime::StopToken stop);
  const std::optional<Error>& broken() const { return broken_; }
  Task<void> close();
  // Every partition has been asked for once: from here on nothing that is sent is missed.
  bool has_begun() const { return has_begun_; }

 private:
  Result<uint64_t> take(Place& place, const protocol::FetchResponse::PartitionData& row);
  Result<void> look_into(const record::BatchView& batch, const Place& place);

  Shared shared_;
  runtime::Executor& executor_;
  BrokerId broker_;
  std::vector<Place> places_;
  bool begins_again_;
  bool has_begun_ = false;
  client::ConnectionPtr connection_;
  client::FetchSession session_;
  codec::Codecs codecs_;
  Bytes scratch_;
  std::optional<Error> broken_;
  runtime::TaskGroup loops_;
};

}  // namespace weir::cli
