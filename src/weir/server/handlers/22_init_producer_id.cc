// InitProducerId 0-5: gives an idempotent producer its id, epoch 0.
//   An id without an epoch, or the reverse, is INVALID_REQUEST; so is an empty transactional id. Any other one is refused with
//   UNSUPPORTED_VERSION until transactions are served: there is no transaction coordinator to fence with.
#include "weir/protocol/init_producer_id.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {
constexpr int64_t kAllocationMs = 10'000;
}

Task<protocol::InitProducerIdResponse> init_producer_id(HandlerContext& context, const protocol::InitProducerIdRequest& request) {
  protocol::InitProducerIdResponse response;
  response.producer_epoch = kNoProducerEpoch;
  const bool names_id = request.producer_id != kNoProducerId;
  const bool names_epoch = request.producer_epoch != kNoProducerEpoch;
  if (names_id != names_epoch) {
    response.error_code = ErrorCode::kInvalidRequest;
    co_return response;
  }
  if (request.transactional_id) {
    response.error_code = request.transactional_id->empty() ? ErrorCode::kInvalidRequest : ErrorCode::kUnsupportedVersion;
    co_return response;
  }
  const Result<ProducerId> id = co_await context.services().producer_ids.next(context.deadline_in(kAllocationMs));
  if (!id) {
    // Retriable for every client, whatever kept the controller from allocating.
    response.error_code = ErrorCode::kCoordinatorNotAvailable;
    co_return response;
  }
  response.producer_id = *id;
  response.producer_epoch = ProducerEpoch(0);
  co_return response;
}

}  // namespace weir::server
