// Whether a backup is what its manifest says: every file, checksum, batch and record.
#pragma once

#include "weir/cli/backup/manifest.h"
#include "weir/cli/progress.h"
#include "weir/runtime/environment.h"

namespace weir::cli {

struct VerifyReport {
  size_t topics = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;
  std::vector<std::string> findings;
};

// Errors: kNotFound and the like, kInvalidArgument (no manifest, or one that cannot be read).
runtime::Task<Result<Manifest>> read_manifest(runtime::Disk& disk, std::string dir);
runtime::Task<Result<VerifyReport>> verify_backup(runtime::Environment& env, std::string dir, Progress& progress);

}  // namespace weir::cli
