// weir backup and weir restore, once there is a connection. What they take and print: docs/command-line.md.
#pragma once

#include "weir/cli/backup/options.h"
#include "weir/cli/client_command.h"

namespace weir::cli {

// Writes `args.dir`. Errors: kAlreadyExists (the directory is not empty), and those of cluster and disk. After an error nothing
// is left there.
Task<Result<void>> run_backup(ClientContext& context, BackupArgs args);

// Errors: kAlreadyExists (nothing was changed), kInvalidRequest (somebody else writes to a topic), those of read_manifest, and
// those of the cluster. After an error of the last kind --resume goes on with what is there.
Task<Result<void>> run_restore(ClientContext& context, BackupArgs args);

}  // namespace weir::cli
