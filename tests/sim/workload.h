// What clients do to a broker in the simulator: idempotent producers and a consumer over one topic, and what they were told.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkers/log_history.h"
#include "client.h"
#include "weir/runtime/wait_queue.h"

namespace weir::sim {

// One topic of a scenario and all that is known of it from outside.
struct Topic {
  std::string name;
  runtime::Endpoint broker;
  std::vector<std::unique_ptr<LogHistory>> partitions;
  bool created = false;
  std::optional<Violation> protocol_violation;  // seen by a client, not by a history
  std::function<void()> on_storage_error;       // a broker answered that its disk failed

  const Violation* violation() const;
  void violate(const char* checker, std::string message);
};

struct Writer {
  uint32_t id = 0;
  PartitionIndex partition{0};
  size_t in_flight_max = 5;
  Duration think_mean{25ms};
  bool stop = false;
  bool stopped = false;  // and everything it sent was answered
  uint64_t acknowledged = 0;
};

struct Reader {
  bool sessions = false;
  bool stop = false;
  bool stopped = false;
  std::vector<int64_t> positions;
  std::vector<int64_t> high_watermarks;
  uint64_t overtaken = 0;  // how often its place in the log had been deleted
};

// Deletes records now and then, up to an offset or all of them.
struct Trimmer {
  bool stop = false;
  bool stopped = true;  // nothing was started, or it has ended
  std::function<void(const char*)> reached;
};

// Creates the topic; tries until it is there.
runtime::Task<void> create_topic(runtime::Environment env, Topic* topic);
// Sends numbered values, each until it is answered, `in_flight_max` batches at a time.
runtime::Task<void> write_to_broker(runtime::Environment env, Topic* topic, Writer* writer);
// Follows all partitions from their beginning.
runtime::Task<void> read_from_broker(runtime::Environment env, Topic* topic, Reader* reader);
runtime::Task<void> delete_from_broker(runtime::Environment env, Topic* topic, Trimmer* trimmer);
// Everything of one partition, from its start to its high watermark.
struct LogContent {
  int64_t start = 0;
  std::vector<Placed> records;
};
runtime::Task<Result<LogContent>> read_partition(runtime::Environment env, Topic* topic, PartitionIndex partition);

}  // namespace weir::sim
