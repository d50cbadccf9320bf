// What the options of `weir doctor` come to.
#pragma once

#include <cstdint>
#include <optional>

#include "weir/cli/client_args.h"
#include "weir/cli/doctor/findings.h"

namespace weir::cli {

struct DoctorArgs {
  ClusterArgs cluster;
  bool all = false;
  std::optional<int32_t> pid;
};
int doctor(const DoctorArgs& args);

}  // namespace weir::cli
