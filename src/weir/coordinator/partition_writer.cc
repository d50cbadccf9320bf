#include "weir/coordinator/partition_writer.h"

namespace weir::coordinator {

ErrorCode append_error_for_client(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kNotEnoughReplicas:
    case ErrorCode::kRequestTimedOut: return ErrorCode::kCoordinatorNotAvailable;
    case ErrorCode::kNotLeaderOrFollower:
    case ErrorCode::kFencedLeaderEpoch:
    case ErrorCode::kKafkaStorageError: return ErrorCode::kNotCoordinator;
    case ErrorCode::kRecordListTooLarge:
    case ErrorCode::kMessageTooLarge: return ErrorCode::kUnknownServerError;
    default: return code;
  }
}

}  // namespace weir::coordinator
