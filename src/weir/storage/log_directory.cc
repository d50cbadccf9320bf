#include "weir/storage/log_directory.h"

#include <fmt/format.h>

namespace weir::storage {

Error LogDirectory::offline_error() const {
  WEIR_ASSERT(failure_.has_value());
  return Error(ErrorCode::kKafkaStorageError, fmt::format("log directory {} is offline: {}", path_, failure_->describe()));
}

void LogDirectory::take_offline(const Error& cause) {
  if (failure_) return;
  failure_ = cause;
  log_.error("log directory {} is taken offline, its partitions fail until a restart: {}", path_, cause.describe());
  const Error error = offline_error();
  users_.for_each([&](DirectoryUser& user) { user.on_directory_failed(error); });
}

}  // namespace weir::storage
