// Shared by the parts of the workload.
#pragma once

#include "weir/codec/compression.h"
#include "workload.h"

namespace weir::sim {

runtime::Task<void> pause_before_retry(runtime::Environment env);
// The broker broke the protocol, as opposed to being away.
bool is_wire_failure(const Error& error);
// A connection that knows the topic's id, or null; then wait a little and try again.
runtime::Task<std::unique_ptr<WireClient>> connect_to_topic(runtime::Environment env, Topic* topic, std::string client_id,
                                                            Uuid* topic_id);

// Where the partition's log begins.
runtime::Task<Result<int64_t>> start_of(WireClient* client, Topic* topic, PartitionIndex partition);

struct Given {
  std::vector<Placed> placed;
  int64_t next;  // offset to ask for
};
// Records at or above `from` in a partition's bytes.
Result<Given> records_of(const SharedBytes& bytes, int64_t from, codec::Codecs& codecs);

}  // namespace weir::sim
