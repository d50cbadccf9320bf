#include "weir/storage/segment_files.h"

#include <fmt/format.h>

#include "weir/storage/text_fields.h"

namespace weir::storage {
namespace {

constexpr size_t kOffsetDigits = 20;

}  // namespace

std::string segment_file_name(Offset base, std::string_view suffix) { return fmt::format("{:020}{}", base.value(), suffix); }

std::optional<SegmentFileName> parse_segment_file_name(std::string_view name) {
  if (name.size() <= kOffsetDigits) return std::nullopt;
  const std::string_view digits = name.substr(0, kOffsetDigits);
  const auto base = digits[0] == '-' ? std::nullopt : parse_number<int64_t>(digits);
  if (!base) return std::nullopt;
  SegmentFileName parsed{Offset(*base), name.substr(kOffsetDigits), {}};
  for (const std::string_view mark : {kDeletedSuffix, kCleanedSuffix, kSwapSuffix}) {
    if (!parsed.suffix.ends_with(mark)) continue;
    parsed.mark = parsed.suffix.substr(parsed.suffix.size() - mark.size());
    parsed.suffix.remove_suffix(mark.size());
    break;
  }
  for (const std::string_view suffix : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix, kSnapshotSuffix}) {
    if (parsed.suffix == suffix) return parsed;
  }
  return std::nullopt;
}

}  // namespace weir::storage
