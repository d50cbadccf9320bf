#include "weir/storage/leader_epoch_cache.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/text_fields.h"

namespace weir::storage {
namespace {

std::unexpected<Error> malformed_epochs(size_t line, std::string_view what) {
  return fail(ErrorCode::kMalformedFile, fmt::format("line {}: {}", line, what));
}

}  // namespace

Result<LeaderEpochCache> LeaderEpochCache::parse(std::string_view text) {
  const auto lines = split_lines(text);
  if (lines.empty()) return LeaderEpochCache();   // as Kafka creates it
  if (lines.size() < 2 || lines[0] != "0") return malformed_epochs(1, "expected version 0 and an entry count");
  const auto count = parse_number<size_t>(lines[1]);
  if (!count || *count != lines.size() - 2) {
    return malformed_epochs(2, fmt::format("{} entries announced, {} found", lines[1], lines.size() - 2));
  }
  LeaderEpochCache cache;
  for (size_t i = 2; i < lines.size(); ++i) {
    const auto fields = split_fields(lines[i]);
    const auto epoch = fields.size() == 2 ? parse_number<int32_t>(fields[0]) : std::nullopt;
    const auto offset = fields.size() == 2 ? parse_number<int64_t>(fields[1]) : std::nullopt;
    if (!epoch || !offset || *epoch < 0 || *offset < 0) return malformed_epochs(i + 1, "expected \"epoch start_offset\"");
    cache.assign(LeaderEpoch(*epoch), Offset(*offset));
  }
  return cache;
}

std::string LeaderEpochCache::format() const {
  std::string text = fmt::format("0\n{}\n", entries_.size());
  for (const Entry& entry : entries_) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", entry.leader_epoch.value(), entry.start_offset.value());
  }
  return text;
}

bool LeaderEpochCache::assign(LeaderEpoch leader_epoch, Offset offset) {
  WEIR_ASSERT(leader_epoch >= LeaderEpoch(0), leader_epoch);
  WEIR_ASSERT(offset >= Offset(0), offset);
  if (!entries_.empty() && entries_.back().leader_epoch == leader_epoch && entries_.back().start_offset <= offset) return false;
  while (!entries_.empty() && (entries_.back().leader_epoch >= leader_epoch || entries_.back().start_offset >= offset)) {
    entries_.pop_back();
  }
  entries_.push_back({leader_epoch, offset});
  return true;
}

bool LeaderEpochCache::truncate_from_end(Offset offset) {
  const size_t before = entries_.size();
  while (!entries_.empty() && entries_.back().start_offset >= offset) entries_.pop_back();
  return entries_.size() != before;
}

bool LeaderEpochCache::truncate_from_start(Offset offset) {
  // The last entry that begins at or before `offset` stays and moves up to it.
  size_t covering = entries_.size();
  for (size_t i = 0; i < entries_.size() && entries_[i].start_offset <= offset; ++i) covering = i;
  if (covering == entries_.size() || (covering == 0 && entries_[0].start_offset == offset)) return false;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(covering));
  entries_.front().start_offset = offset;
  return true;
}

LeaderEpochCache::End LeaderEpochCache::end_of(LeaderEpoch asked, Offset log_end) const {
  constexpr End kUnknown{kNoLeaderEpoch, kNoOffset};
  if (asked < LeaderEpoch(0) || entries_.empty() || asked > latest()) return kUnknown;
  if (asked == latest()) return {asked, log_end};
  const auto higher = std::upper_bound(entries_.begin(), entries_.end(), asked,
                                       [](LeaderEpoch epoch, const Entry& entry) { return epoch < entry.leader_epoch; });
  WEIR_ASSERT(higher != entries_.end(), asked, latest());
  // Before the first epoch that we know, nothing of the one asked for is in the log: it ends where ours begins.
  if (higher == entries_.begin()) return {asked, higher->start_offset};
  return {std::prev(higher)->leader_epoch, higher->start_offset};
}

LeaderEpoch LeaderEpochCache::at(Offset offset) const {
  LeaderEpoch found = kNoLeaderEpoch;
  for (const Entry& entry : entries_) {
    if (entry.start_offset > offset) break;
    found = entry.leader_epoch;
  }
  return found;
}

}  // namespace weir::storage
