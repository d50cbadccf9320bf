// Reads one .wire page.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "model.h"

namespace wiregen {

// "file:line: what is wrong", ready to be printed.
struct ParseError {
  std::string message;
};

// `file` is the page's name without its folder (01_fetch.wire), `folder` "", "metadata" or "internal".
// Checks everything the emitters rely on: known types, versions inside those around them, tags unique and in flexible
// versions, defaults that fit, structs defined once and used only after all the structs they hold.
std::variant<Page, ParseError> parse_page(std::string_view file, std::string_view folder, std::string_view text);

}  // namespace wiregen
