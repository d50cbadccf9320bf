// Any text as JSON. Property: no crash; what is refused is refused with a sentence; what is taken and written again is taken, and then
// written the same.
#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/assert.h"
#include "weir/codec/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const auto parsed = codec::parse_json({reinterpret_cast<const char*>(data), size});
  if (!parsed) {
    WEIR_ASSERT(parsed.error().code() == ErrorCode::kInvalidArgument && !parsed.error().message().empty());
    return 0;
  }
  const std::string text = codec::json_text_of(*parsed);
  const auto again = codec::parse_json(text);
  WEIR_ASSERT(again.has_value(), text);
  WEIR_ASSERT(codec::json_text_of(*again) == text, text);
  return 0;
}
