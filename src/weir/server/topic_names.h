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

// 1 .. 249 characters of [a-zA-Z0-9._-], not "." or "..".
inline bool is_legal_topic_name(std::string_view name) {
  constexpr size_t kNameBytesMax = 249;
  if (name.empty() || name.size() > kNameBytesMax || name == "." || name == "..") return false;
  for (const char c : name) {
    const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!legal) return false;
  }
  return true;
}

}  // namespace weir::server
