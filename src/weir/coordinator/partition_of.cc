#include "weir/coordinator/partition_of.h"

#include "weir/base/assert.h"

namespace weir::coordinator {
namespace {

constexpr uint32_t kReplacement = 0xfffd;

// The code point at `at`, which moves on; U+FFFD for what is no UTF-8, as Java decodes it.
uint32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t index) { return static_cast<uint8_t>(text[index]); };
  const uint8_t first = byte(at++);
  if (first < 0x80) return first;
  const int more = first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xc2 && first < 0xe0 ? 1 : 0;
  if (more == 0) return kReplacement;
  uint32_t point = first & (0x3fu >> more);
  for (int i = 0; i < more; ++i) {
    if (at >= text.size() || (byte(at) & 0xc0) != 0x80) return kReplacement;
    point = point << 6 | (byte(at++) & 0x3fu);
  }
  return point > 0x10ffff ? kReplacement : point;
}

}  // namespace

int32_t java_hash(std::string_view utf8) {
  uint32_t hash = 0;
  for (size_t at = 0; at < utf8.size();) {
    const uint32_t point = next_code_point(utf8, at);
    if (point < 0x10000) {
      hash = 31 * hash + point;
    } else {
      hash = 31 * hash + (0xd800 + ((point - 0x10000) >> 10));
      hash = 31 * hash + (0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
  return static_cast<int32_t>(hash);
}

PartitionIndex partition_of(std::string_view id, int32_t partition_count) {
  WEIR_ASSERT(partition_count > 0, partition_count);
  const int32_t hash = java_hash(id);
  const int32_t positive = hash == INT32_MIN ? 0 : hash < 0 ? -hash : hash;
  return PartitionIndex(positive % partition_count);
}

}  // namespace weir::coordinator
