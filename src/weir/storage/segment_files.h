// Names of the files of a log: twenty digits of a base offset and what is in it.
//
// Format   docs/formats/segment.md
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "weir/base/ids.h"

namespace weir::storage {

inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kOffsetIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr std::string_view kTxnIndexSuffix = ".txnindex";
inline constexpr std::string_view kSnapshotSuffix = ".snapshot";
inline constexpr std::string_view kDeletedSuffix = ".deleted";   // removed after file.delete.delay.ms
inline constexpr std::string_view kCleanedSuffix = ".cleaned";   // being written by compaction
inline constexpr std::string_view kSwapSuffix = ".swap";         // finished by compaction, being swapped in

// "00000000000000000042.log"
std::string segment_file_name(Offset base, std::string_view suffix);

struct SegmentFileName {
  Offset base;
  std::string_view suffix;   // one of the first five above
  std::string_view mark;     // empty, or one of the last three
};
// Views into `name`. nullopt when it is none of ours.
std::optional<SegmentFileName> parse_segment_file_name(std::string_view name);

}  // namespace weir::storage
