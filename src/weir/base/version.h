// This program's version, as its pages, its log and the clients it makes say it.
#pragma once

#include <string_view>

namespace weir {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace weir
