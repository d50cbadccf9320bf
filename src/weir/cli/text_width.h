// Columns that text takes on a terminal: wide characters take two, combining ones none.
#pragma once

#include <string>
#include <string_view>

namespace weir::cli {

// Bytes that are no UTF-8 and control characters count as one column each; printable() says how they are shown.
size_t columns_of(std::string_view text);
// At most `width` columns, with "..." for what is cut away; never half a character.
std::string cut_columns(std::string text, size_t width);
// Control characters and broken UTF-8 as \xNN (\n, \t as such), so that a name cannot move the cursor.
std::string printable(std::string_view text);

}  // namespace weir::cli
