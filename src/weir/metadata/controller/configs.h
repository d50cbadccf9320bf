// Changing configurations. Behaviour 26 of Kafka's clients.
#pragma once

#include <optional>

#include "weir/metadata/controller/decision.h"
#include "weir/protocol/alter_configs.h"
#include "weir/protocol/incremental_alter_configs.h"

namespace weir::metadata {

// The overrides a topic may have, checked one by one and together. Errors: kInvalidConfig.
Result<void> check_topic_overrides(const ControllerContext& context, const ConfigMap& overrides);

// SET, DELETE, APPEND and SUBTRACT. One result per resource. Errors per resource: kInvalidRequest (a resource or key twice, no
// value, an option that cannot be changed so), kInvalidConfig (an unknown key, a bad value), kUnknownTopicOrPartition,
// kInvalidTopicException.
Decision<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(
    const ControllerContext& context, const protocol::IncrementalAlterConfigsRequest& request);

// Replaces all that is set for each resource. Errors as above.
Decision<protocol::AlterConfigsResponse> alter_configs(const ControllerContext& context,
                                                       const protocol::AlterConfigsRequest& request);

}  // namespace weir::metadata
