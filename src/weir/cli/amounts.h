// Amounts as people read them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/time.h"

namespace weir::cli {

// "1.2 MiB", "12 KiB", "512 B".
std::string bytes_text(double bytes);
// "1,234,567".
std::string count_text(uint64_t count);
// "1 topic", "12 topics".
std::string counted(uint64_t count, std::string_view what);
// "12.3 s", "4 min 5 s", "2 h 3 min"; "850 us", "1.2 ms" below a second.
std::string duration_text(Duration duration);

}  // namespace weir::cli
