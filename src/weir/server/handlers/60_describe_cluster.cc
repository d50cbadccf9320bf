// DescribeCluster 0-2: the cluster's id, its controller and its brokers. On a broker listener a broker stands for the
// controller, because admin requests go there. 1+ endpoint type: brokers (1) here; controllers (2): MISMATCHED_ENDPOINT_TYPE;
// any other: UNSUPPORTED_ENDPOINT_TYPE. 2+ may include fenced brokers.
#include "weir/protocol/describe_cluster.h"
#include "weir/server/authorized_operations.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {
constexpr int8_t kBrokers = 1;
constexpr int8_t kControllers = 2;
}  // namespace

Task<protocol::DescribeClusterResponse> describe_cluster(HandlerContext& context, const protocol::DescribeClusterRequest& request) {
  protocol::DescribeClusterResponse response;
  if (request.endpoint_type != kBrokers) {
    const bool is_known = request.endpoint_type == kControllers;
    response.error_code = is_known ? ErrorCode::kMismatchedEndpointType : ErrorCode::kUnsupportedEndpointType;
    response.error_message = is_known ? "this listener describes brokers; ask a controller listener for controllers"
                                      : fmt::format("endpoint type {} is unknown", request.endpoint_type);
    co_return response;
  }
  response.cluster_id = context.services().options.cluster_id;
  response.controller_id = context.self();
  for (const auto& [id, broker] : context.image().brokers) {
    const metadata::Endpoint* endpoint = context.endpoint_of(broker.get());
    if (endpoint == nullptr || (broker->fenced && !request.include_fenced_brokers)) continue;
    response.brokers.push_back(
        {.broker_id = id, .host = endpoint->host, .port = endpoint->port, .rack = broker->rack, .is_fenced = broker->fenced});
  }
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kAllClusterOperations;
  co_return response;
}

}  // namespace weir::server
