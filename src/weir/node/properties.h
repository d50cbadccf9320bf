// Java's properties files, as Kafka's server.properties is one: every setting with the line it began on.
//
// Format   java.util.Properties: # and ! comments, = or : or blank between key and value, \ at the end continues a line,
//          escapes \t \n \r \f \\ \uXXXX. Bytes above 127 are taken as UTF-8 (Java reads Latin-1 here).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/error.h"

namespace weir::node {

struct Property {
  std::string key;
  std::string value;
  int line = 0;  // from 1
  friend bool operator==(const Property&, const Property&) = default;
};

// In the order of the file; a key may come again, then the later one counts.
// Errors: kMalformedFile, the message begins with the line: "7: ...".
Result<std::vector<Property>> parse_property_lines(std::string_view text);

}  // namespace weir::node
