// The topics that Kafka keeps for itself.
#pragma once

#include <string_view>

namespace weir {

inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";       // groups and their positions
inline constexpr std::string_view kTransactionsTopic = "__transaction_state";
inline constexpr std::string_view kShareStateTopic = "__share_group_state";
inline constexpr std::string_view kMetadataTopic = "__cluster_metadata";      // the quorum's, no topic of the image
inline constexpr std::string_view kMetadataLogName = "__cluster_metadata-0";  // the directory of its only partition

constexpr bool is_internal_topic(std::string_view name) {
  return name == kOffsetsTopic || name == kTransactionsTopic || name == kShareStateTopic || name == kMetadataTopic;
}

}  // namespace weir
