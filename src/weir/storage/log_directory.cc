#include "weir/storage/log_directory.h"

#include <fmt/format.h>

namespace weir::storage {

Error LogDirectory::offline_error() const {
  WEIR_ASSERT(failure_.has_value());
  return Error(ErrorCode::kKafkaStorageError, fmt::format("log directory {} is offline: {}", path_, failure_->describe()));
}

bool LogDirectory::take_room(size_t bytes) {
  if (room_ < static_cast<int64_t>(bytes)) {
    refused_ = true;
    return false;
  }
  if (room_ != INT64_MAX) room_ -= static_cast<int64_t>(bytes);
  return true;
}

void LogDirectory::note_stalled(const Error& cause) {
  if (stalled_++ > 0) return;
  log_.error("{}: records are refused in logs that must write, until there is space; nothing that was acknowledged is lost: {}", path_,
             cause.describe());
}

void LogDirectory::note_going_on() {
  WEIR_ASSERT(stalled_ > 0);
  if (--stalled_ == 0) log_.info("{}: every log writes again", path_);
}

void LogDirectory::take_offline(const Error& cause) {
  if (failure_) return;
  failure_ = cause;
  log_.error("log directory {} is taken offline, its partitions fail until a restart: {}", path_, cause.describe());
  const Error error = offline_error();
  users_.for_each([&](DirectoryUser& user) { user.on_directory_failed(error); });
}

}  // namespace weir::storage
