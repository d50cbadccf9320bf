// What /metrics says of a recovery: what is left of it, by directory.
#pragma once

#include <string>

#include "weir/storage/log_manager.h"

namespace weir::storage {

// Appends the rows, looked up now.
void add_recovery_metrics(std::string& text, const LogManager& logs);

}  // namespace weir::storage
