// Sentences for the person at the terminal, on standard error: "weir: what is wrong", and hints indented below it.
#pragma once

#include <string_view>

#include "weir/base/error.h"

namespace weir::cli {

// `sentence` may have several lines: those after the first are hints. One that begins with a place ("file:7: ") stands
// as it is, others begin with "weir: ".
void report(std::string_view sentence, bool has_place = false);
void report_warning(std::string_view sentence);
// A line for a person at a terminal.
void report_hint(std::string_view sentence);
// An error with what a person can do about it.
void report(const Error& error);

// Whether whoever read the pipe `descriptor` has closed it.
bool is_reader_gone(int descriptor);

}  // namespace weir::cli
