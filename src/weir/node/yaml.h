// A YAML file as settings: nested keys are joined with dots, so that these three say the same.
//
//   log.retention.hours: 24          log:                    log.retention:
//                                      retention.hours: 24     hours: 24
//
// A list of plain values is joined with commas, an empty value is the empty text; what is quoted and what not makes no
// difference: each option's own type decides.
#pragma once

#include "weir/node/properties.h"

namespace weir::node {

// In the order of the file; a key may come again, then the later one counts.
// Errors: kMalformedFile, the message begins with the line: "7: ...".
Result<std::vector<Property>> parse_yaml_lines(std::string_view text);

}  // namespace weir::node
