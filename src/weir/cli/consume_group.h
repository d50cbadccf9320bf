// `weir consume` as a member of a consumer group.
#pragma once

#include "weir/cli/client_command.h"

namespace weir::cli {

// Prints until Ctrl-C, --max, --idle, or a reader that has gone; then leaves the group.
Task<Result<void>> run_consume_group(ClientContext& context, ConsumeArgs args);

}  // namespace weir::cli
