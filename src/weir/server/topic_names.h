// Names with a meaning of their own.
#pragma once

#include <string_view>

namespace weir::server {

// What Kafka's own tools call themselves where they must write to internal topics.
inline constexpr std::string_view kAdminToolClientId = "__admin_client";

inline bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" || name == "__share_group_state" ||
         name == "__cluster_metadata";
}

}  // namespace weir::server
