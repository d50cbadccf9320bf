// Directories of the system, by blocking calls: reading, removing and syncing them. RealDisk decides on which thread.
#pragma once

#include <string>
#include <vector>

#include "weir/runtime/disk.h"

namespace weir::runtime {

// Sorted by name, whole or an error: an entry that cannot be looked at is one, but for those that are gone meanwhile and links
// that lead nowhere. Errors: those of Disk.
Result<std::vector<DirEntry>> read_directory(const std::string& dir);

// `dir` and all below it; no error when it is gone already. Gives an errno, or 0.
int remove_tree(const std::string& dir);

// An errno, or 0; final unless it says that there was no descriptor (see sync_error in disk.h).
int sync_directory_now(const std::string& dir);

}  // namespace weir::runtime
