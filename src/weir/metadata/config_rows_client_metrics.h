// The client metrics options, sorted by name. Columns: name, type, default, check, how it may be changed; effect, what it is for.
#pragma once

#include "weir/metadata/config_rows.h"

namespace weir::metadata::config_rows {

// clang-format off
inline constexpr ConfigOption kClientMetricsRows[] = {
    {"interval.ms", kInt, "300000", any(), kClusterWide,
     kNoTelemetry, "Time between pushes of a client's metrics."},
    {"match", kList, "", any(), kClusterWide,
     kNoTelemetry, "Clients this subscription is for, as selector=regular expression."},
    {"metrics", kList, "", any(), kClusterWide,
     kNoTelemetry, "Prefixes of the metrics wanted; * for all."},
};
// clang-format on

}  // namespace weir::metadata::config_rows
