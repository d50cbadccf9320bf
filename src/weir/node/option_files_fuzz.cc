// A file of options, as properties or as YAML, from any bytes. Property: no crash and no exception; every setting has a key and a
// line of the file; what is refused is refused with the line.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string_view>

#include "weir/base/assert.h"
#include "weir/node/properties.h"
#include "weir/node/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto parsed = data[0] % 2 == 0 ? node::parse_property_lines(text) : node::parse_yaml_lines(text);
  if (!parsed) {
    const std::string& message = parsed.error().message();
    WEIR_ASSERT(!message.empty() && std::isdigit(static_cast<unsigned char>(message.front())) != 0, message);
    return 0;
  }
  const int lines = 1 + static_cast<int>(std::ranges::count_if(text, [](char c) { return c == '\n' || c == '\r'; }));
  for (const node::Property& property : *parsed) WEIR_ASSERT(property.line >= 1 && property.line <= lines, property.line, lines);
  return 0;
}
