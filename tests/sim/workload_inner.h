// Shared by the parts of the workload.
#pragma once

#include "workload.h"

namespace weir::sim {

runtime::Task<void> pause_before_retry(runtime::Environment env);
// The broker broke the protocol, as opposed to being away.
bool is_wire_failure(const Error& error);
// A connection that knows the topic's id, or null; then wait a little and try again.
runtime::Task<std::unique_ptr<WireClient>> connect_to_topic(runtime::Environment env, Topic* topic, std::string client_id,
                                                            Uuid* topic_id);

}  // namespace weir::sim
