// FindCoordinator 0-6: where a group is coordinated: the leader of its partition of __consumer_offsets, which is made when it
// is missing.
//   COORDINATOR_NOT_AVAILABLE for transactional ids and share partitions: they have no coordinator yet. Another key type, or a
//   share partition below 6: INVALID_REQUEST. Below 4 one key; from 4 on several.
#include "weir/protocol/find_coordinator.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using protocol::FindCoordinatorResponse;

constexpr int16_t kFirstVersionWithKeys = 4;
constexpr int16_t kFirstVersionWithMessage = 1;
constexpr int16_t kFirstVersionWithShares = 6;
constexpr int8_t kGroupKey = 0;
constexpr int8_t kTransactionKey = 1;
constexpr int8_t kShareKey = 2;

FindCoordinatorResponse::Coordinator nobody(std::string key, ErrorCode code, std::string message) {
  return {.key = std::move(key), .node_id = kNoBroker, .host = "", .port = -1, .error_code = code, .error_message = std::move(message)};
}

Task<FindCoordinatorResponse::Coordinator> find_one(HandlerContext& context, std::string key, int8_t key_type) {
  if (key_type == kTransactionKey || (key_type == kShareKey && context.version() >= kFirstVersionWithShares)) {
    co_return nobody(key, ErrorCode::kCoordinatorNotAvailable, "this broker coordinates neither transactions nor share groups yet");
  }
  if (key_type != kGroupKey) co_return nobody(key, ErrorCode::kInvalidRequest, "there is no such key type in this version");
  const Result<BrokerId> found = co_await context.services().groups.coordinator_of(key);
  if (!found) co_return nobody(key, found.error().code(), "The coordinator is not available.");
  const metadata::Endpoint* endpoint = context.endpoint_of(context.image().broker(*found));
  if (endpoint == nullptr) co_return nobody(key, ErrorCode::kCoordinatorNotAvailable, "The coordinator is not available.");
  co_return FindCoordinatorResponse::Coordinator{
      .key = key, .node_id = *found, .host = endpoint->host, .port = endpoint->port, .error_code = ErrorCode::kNone, .error_message = ""};
}

}  // namespace

Task<FindCoordinatorResponse> find_coordinator(HandlerContext& context, const protocol::FindCoordinatorRequest& request) {
  FindCoordinatorResponse response;
  if (context.version() < kFirstVersionWithKeys) {
    FindCoordinatorResponse::Coordinator found = co_await find_one(context, request.key, request.key_type);
    response.error_code = found.error_code;
    if (context.version() >= kFirstVersionWithMessage) response.error_message = std::move(found.error_message);
    response.node_id = found.node_id;
    response.host = std::move(found.host);
    response.port = found.port;
    co_return response;
  }
  for (const std::string& key : request.coordinator_keys) {
    FindCoordinatorResponse::Coordinator found = co_await find_one(context, key, request.key_type);
    response.coordinators.push_back(std::move(found));
  }
  co_return response;
}

}  // namespace weir::server
