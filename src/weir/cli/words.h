// Words of the command line. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/base/error.h"

namespace weir::cli {

// The word nearest to `word`; empty when none is near.
std::string nearest_word(std::string_view word, const std::vector<std::string>& words);
// `; nearest: "clicks"`, the end of a sentence that says that there is no `word`; empty when none is near.
std::string nearest_hint(std::string_view word, const std::vector<std::string>& words);

// "key=value". Errors: kInvalidArgument.
Result<std::pair<std::string, std::string>> parse_pair(std::string_view text);

}  // namespace weir::cli
