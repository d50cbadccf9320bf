// Between the files of adopt.h.
#pragma once

#include "weir/node/adopt.h"

namespace weir::node {

// Reads the metadata log below `dir` and adds to `report` what it says. Errors: kMalformedFile, kDiskError.
Task<Result<void>> inspect_metadata(runtime::Environment& environment, std::string dir, Uuid directory_id, AdoptReport* report);

}  // namespace weir::node
