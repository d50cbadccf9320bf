// Which resources have configurations, and which values each may hold.
#pragma once

#include <string>

#include "weir/metadata/controller/decision.h"

namespace weir::metadata {

// The resource a request names. Errors: kInvalidRequest (type without configurations, empty or odd name),
// kInvalidTopicException, kUnknownTopicOrPartition, kBrokerIdNotRegistered.
Result<ConfigResource> find_config_resource(const ControllerContext& context, int8_t type, const std::string& name);

// The option behind a key of the resource; nullptr for keys that a broker keeps without knowing them.
const ConfigOption* option_for(const ConfigResource& resource, const std::string& key);

// Whether a request may touch `key` at all. Errors: kInvalidRequest (read-only, or only for one broker), kInvalidConfig.
Result<void> check_key_may_change(const ConfigResource& resource, const std::string& key);
// Whether `value` may be set. Errors: kInvalidConfig; kInvalidRequest for brokers and client metrics.
Result<void> check_new_value(const ControllerContext& context, const ConfigResource& resource, const std::string& key,
                             const std::string& value);
// Whether all values of the resource fit together. Errors: kInvalidConfig.
Result<void> check_together(const ControllerContext& context, const ConfigResource& resource, const ConfigMap& values);

}  // namespace weir::metadata
