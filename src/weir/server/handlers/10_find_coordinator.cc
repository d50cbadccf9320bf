// FindCoordinator 0-6: COORDINATOR_NOT_AVAILABLE for every key: groups, transactions and share groups have no coordinator yet.
//   It is served because clients judge a broker by it: librdkafka turns lz4 off where version 0 is not announced.
//   Below 4 one key; from 4 on several.
#include "weir/protocol/find_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

constexpr int16_t kFirstVersionWithKeys = 4;
constexpr int16_t kFirstVersionWithMessage = 1;
constexpr std::string_view kReason = "this broker has no group, transaction or share coordinator yet; assign partitions instead of joining a group";

}  // namespace

Task<protocol::FindCoordinatorResponse> find_coordinator(HandlerContext& context, const protocol::FindCoordinatorRequest& request) {
  protocol::FindCoordinatorResponse response;
  if (context.version() < kFirstVersionWithKeys) {
    response.error_code = ErrorCode::kCoordinatorNotAvailable;
    if (context.version() >= kFirstVersionWithMessage) response.error_message = std::string(kReason);
    response.node_id = kNoBroker;
    response.port = -1;
    co_return response;
  }
  for (const std::string& key : request.coordinator_keys) {
    response.coordinators.push_back({.key = key,
                                     .node_id = kNoBroker,
                                     .host = "",
                                     .port = -1,
                                     .error_code = ErrorCode::kCoordinatorNotAvailable,
                                     .error_message = std::string(kReason)});
  }
  co_return response;
}

}  // namespace weir::server
