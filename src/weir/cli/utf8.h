// Text as UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::cli {

struct Character {
  uint32_t code = 0;    // the first byte when it is not valid
  size_t bytes = 1;
  bool is_valid = false;
};

// At the beginning of `text`, which is not empty.
Character first_character(std::string_view text);

// Whether all of it is UTF-8.
bool is_text(std::string_view text);

}  // namespace weir::cli
