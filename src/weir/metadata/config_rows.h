// The words that rows of the option tables are written with.
#pragma once

#include "weir/metadata/config_table.h"

namespace weir::metadata::config_rows {

using enum ConfigType;
using enum ConfigUpdate;
using enum ConfigEffect;

inline constexpr std::nullopt_t kNull = std::nullopt;
inline constexpr bool kInternal = true;
inline constexpr bool kRequired = true;
inline constexpr bool kOnlyDynamic = true;
inline constexpr double kNoMax = 1e300;

constexpr ConfigCheck any() { return {}; }
constexpr ConfigCheck at_least(double min) { return {ConfigCheck::Kind::kRange, min, kNoMax, {}, true}; }
constexpr ConfigCheck between(double min, double max) { return {ConfigCheck::Kind::kRange, min, max, {}, true}; }
constexpr ConfigCheck one_of(std::string_view members) { return {ConfigCheck::Kind::kOneOf, 0, 0, members, true}; }
constexpr ConfigCheck one_of_any_case(std::string_view members) {
  return {ConfigCheck::Kind::kOneOfAnyCase, 0, 0, members, true};
}
constexpr ConfigCheck list_of(std::string_view members, bool empty_allowed) {
  return {ConfigCheck::Kind::kList, 0, 0, members, empty_allowed};
}
constexpr ConfigCheck not_empty() { return {ConfigCheck::Kind::kNotEmpty, 0, 0, {}, true}; }
constexpr ConfigCheck gzip_level() { return {ConfigCheck::Kind::kGzipLevel, 1, 9, {}, true}; }
constexpr ConfigCheck throttled_replicas() { return {ConfigCheck::Kind::kThrottledReplicas, 0, 0, {}, true}; }

}  // namespace weir::metadata::config_rows
