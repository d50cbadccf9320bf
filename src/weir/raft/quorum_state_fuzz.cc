// Any text as a quorum-state file. Property: no crash; what is refused is refused with a sentence; what is taken and written again, with
// either data_version, says the same epoch, leader and vote.
#include <cstdint>
#include <string_view>

#include "weir/base/assert.h"
#include "weir/raft/quorum_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const auto parsed = raft::parse_quorum_state({reinterpret_cast<const char*>(data), size});
  if (!parsed) {
    WEIR_ASSERT(parsed.error().code() == ErrorCode::kMalformedFile && !parsed.error().message().empty());
    return 0;
  }
  for (const int16_t kraft_version : {0, 1}) {
    const auto again = raft::parse_quorum_state(raft::format_quorum_state(*parsed, kraft_version));
    WEIR_ASSERT(again.has_value(), kraft_version);
    WEIR_ASSERT(again->epoch == parsed->epoch && again->leader == parsed->leader && again->voted == parsed->voted, kraft_version);
    WEIR_ASSERT(kraft_version == 0 ? again->voters == parsed->voters : again->voted_directory == parsed->voted_directory);
  }
  return 0;
}
