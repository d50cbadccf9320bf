// Reads the configuration that a command line names: the file, the environment, the machine; then node::configure.
#pragma once

#include <optional>
#include <string>

#include "weir/base/error.h"
#include "weir/cli/commands.h"
#include "weir/node/config.h"

namespace weir::cli {

// A whole file of at most `bytes_max` bytes. Errors: kNotFound, kPermissionDenied, kOutputTooLarge, kDiskError.
Result<std::string> read_whole_file(const std::string& path, size_t bytes_max);

// Nothing when it is wrong: every problem was reported. Warnings are left to the caller.
std::optional<node::Configuration> load_config(const ConfigArgs& args);

}  // namespace weir::cli
