// Places in a log as people name them: offsets, times of day, times ago. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/error.h"
#include "weir/base/ids.h"

namespace weir::cli {

struct When {
  enum class Kind : uint8_t { kBeginning, kEnd, kOffset, kLast, kTime };
  Kind kind = Kind::kBeginning;
  int64_t value = 0;  // the offset; how many; milliseconds since 1970
};

// beginning, end, 1234 (an offset), -10 (the last ten), -15m (a time ago, units.h), now, @1764000000000 (milliseconds since
// 1970), 2026-11-28, 2026-11-28T10:00[:30[.250]][Z|+01:00] (UTC when no zone is named). Errors: kInvalidArgument, with what
// would be right; `option` begins the sentence.
Result<When> parse_when(std::string_view option, std::string_view text, TimestampMs now);

// "2026-11-28T10:00:00.250Z"; "N ms" outside of the years 0 to 9999.
std::string iso_text(TimestampMs timestamp);

}  // namespace weir::cli
