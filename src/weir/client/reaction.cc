#include "weir/client/reaction.h"

namespace weir::client {

bool is_transport_failure(ErrorCode code) {
  switch (code) {
    case ErrorCode::kConnectionClosed:
    case ErrorCode::kConnectionRefused:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kUnavailable: return true;
    default: return false;
  }
}

Reaction reaction_to(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kUnknownTopicId:
    case ErrorCode::kInconsistentTopicId:
    case ErrorCode::kLeaderNotAvailable:
    case ErrorCode::kNotLeaderOrFollower:
    case ErrorCode::kReplicaNotAvailable:
    case ErrorCode::kFencedLeaderEpoch:
    case ErrorCode::kUnknownLeaderEpoch:
    case ErrorCode::kListenerNotFound:
    case ErrorCode::kKafkaStorageError:
    case ErrorCode::kNotController:
    case ErrorCode::kBrokerNotAvailable: return Reaction::kRefresh;
    default: break;
  }
  if (is_transport_failure(code)) return Reaction::kRefresh;
  return is_retriable(code) ? Reaction::kBackOff : Reaction::kFail;
}

bool is_coordinator_trouble(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCoordinatorNotAvailable:
    case ErrorCode::kNotCoordinator:
    case ErrorCode::kCoordinatorLoadInProgress:
    case ErrorCode::kNetworkException:
    case ErrorCode::kRequestTimedOut: return true;
    default: return is_transport_failure(code);
  }
}

}  // namespace weir::client
