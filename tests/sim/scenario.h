// A scenario of the simulator: a small world, faults drawn by the seed, and what must hold in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "checkers/violation.h"
#include "weir/runtime/sim/world.h"

namespace weir::sim {

struct RunRequest {
  uint64_t seed = 0;
  std::string_view planted;  // name of a bug to build in, or empty
  runtime::SimTraceSink* sink = nullptr;
};

struct RunReport {
  std::optional<Violation> violation;
  uint64_t fingerprint = 0;
  Duration simulated{0};
  uint64_t events = 0;
  uint64_t acknowledged = 0;  // operations a client was told to be done
  std::map<std::string, uint64_t, std::less<>> points;
};

struct Scenario {
  std::string_view name;
  std::string_view property;
  std::span<const std::string_view> planted_bugs;
  std::span<const std::string_view> points;  // that a good set of seeds reaches
  RunReport (*run)(const RunRequest& request);
};

std::span<const Scenario> scenarios();

// Fills in what every scenario reports.
RunReport report_on(runtime::SimWorld& world, std::optional<Violation> violation, uint64_t acknowledged);

}  // namespace weir::sim
