// One connection's worth of load: records become due at a rate, go into batches by partition, and are sent as requests of which
// a bounded number is under way. A record's latency counts from the instant at which it was due, however late it could be
// sent, so that a stall of the broker counts for every record it delays.
//
// Owner    the command. close() before destroying it, when run() has come back or was not begun.
// Shard    one.
// Holds    - at most args.in_flight requests are under way on a connection to a broker
//          - at most kPendingMax records wait; those due later are made later, with the due time they always had
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "weir/cli/bench/load.h"
#include "weir/cli/bench/options.h"
#include "weir/cli/bench/payload.h"
#include "weir/cli/client_command.h"
#include "weir/client/produce.h"
#include "weir/runtime/event.h"

namespace weir::cli {

class LoadWriter {
 public:
  static constexpr size_t kPendingMax = 4'000'000;
  static constexpr size_t kRequestBytesMax = 1 << 20;
  static constexpr Duration kDrainMax = 30s;

  struct Shared {
    ClientContext& context;
    const BenchArgs& args;
    LoadPlan& plan;
    LoadStats& stats;
    Ledger* ledger;  // null: records are not told apart
    Payload& payload;
    client::TopicPtr topic;
  };

  // Number `index` of `count` writers.
  LoadWriter(Shared shared, uint32_t index, uint32_t count);
  // Connects to the leader of every partition.
  Task<Result<void>> open();
  // Sends until the plan is over or `stop`, then waits for the answers. Errors: the first connection that broke.
  static Task<void> run(LoadWriter* self, runtime::StopToken stop);
  const std::optional<Error>& broken() const { return broken_; }
  Task<void> close();

 private:
  struct Link {
    BrokerId broker;
    client::ConnectionPtr connection;
    size_t in_flight = 0;
  };
  struct Lane {
    PartitionIndex index;
    Link* link = nullptr;
    std::vector<PendingRecord> pending;
    bool is_active = false;
  };
  using Part = std::vector<PendingRecord>;  // the records of one batch

  bool is_open_loop() const { return shared_.args.rate > 0; }
  MonoTime due_of(uint64_t nth) const;
  void make_due(MonoTime now);
  void make_closed(MonoTime now);
  void add(MonoTime due);
  Lane& next_lane();
  void send_ready(MonoTime now);
  MonoTime next_look(MonoTime now) const;
  struct Request {
    std::vector<client::ReadyBatch> batches;
    std::vector<Part> parts;  // of each
    size_t bytes = 0;
  };
  int16_t acks() const { return shared_.args.acks == "0" ? 0 : shared_.args.acks == "1" ? 1 : -1; }
  static Task<void> send(LoadWriter* self, Link* link, Request request);
  void settle(const Part& part, ErrorCode code, const std::string& message);

  Shared shared_;
  runtime::Executor& executor_;
  uint32_t index_;
  uint32_t count_;
  std::map<BrokerId, std::unique_ptr<Link>> links_;
  std::vector<Lane> lanes_;
  std::vector<uint32_t> partition_of_key_;
  std::deque<uint32_t> active_;  // lanes that have records
  size_t current_ = 0;           // the lane that records without a key go to
  size_t pending_ = 0;
  uint64_t made_ = 0;
  bool draining_ = false;
  std::optional<Error> broken_;
  runtime::Event wake_;
  runtime::TaskGroup tasks_;  // requests under way
  runtime::TaskGroup loops_;  // of the connections
};

}  // namespace weir::cli
