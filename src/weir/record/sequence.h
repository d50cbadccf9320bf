// Sequence numbers of idempotent producers: 0 to 2^31 - 1, then 0 again. -1 stands for none, and 0 comes after it.
#pragma once

#include <cstdint>

namespace weir::record {

inline constexpr int64_t kSequenceCount = int64_t{1} << 31;

// `records` sequences further on.
constexpr int32_t sequence_after(int32_t sequence, int64_t records) { return static_cast<int32_t>((sequence + records) % kSequenceCount); }

// `records` sequences back; at most kSequenceCount - 1.
constexpr int32_t sequence_before(int32_t sequence, int32_t records) {
  const int64_t before = int64_t{sequence} - records;
  return static_cast<int32_t>(before < 0 ? before + kSequenceCount : before);
}

}  // namespace weir::record
