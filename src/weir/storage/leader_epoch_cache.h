// Which leader epoch begins at which offset of one log.
//
// Owner    Log.
// Format   docs/formats/log-directory.md, leader-epoch-checkpoint: "0" LF, entry count LF, then "epoch start_offset" LF each.
// Holds    epochs and start offsets both rise strictly from entry to entry
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"

namespace weir::storage {

inline constexpr std::string_view kLeaderEpochFile = "leader-epoch-checkpoint";

class LeaderEpochCache {
 public:
  struct Entry {
    LeaderEpoch leader_epoch;
    Offset start_offset;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct End {
    LeaderEpoch leader_epoch;
    Offset end_offset;
  };

  // Errors: kMalformedFile. Entries that do not rise are dropped from the older end, as assign() would.
  static Result<LeaderEpochCache> parse(std::string_view text);
  std::string format() const;

  // The record at `offset` has `leader_epoch`. Nothing happens when the newest entry covers it; entries that contradict it
  // (a later epoch, or the same or a later start) give way. Returns whether anything changed.
  bool assign(LeaderEpoch leader_epoch, Offset offset);
  // Forgets what begins at or after `offset`.
  bool truncate_from_end(Offset offset);
  // Forgets what ends at or before `offset`; the epoch that covers `offset` then begins there.
  bool truncate_from_start(Offset offset);
  void clear() { entries_.clear(); }

  LeaderEpoch latest() const { return entries_.empty() ? kNoLeaderEpoch : entries_.back().leader_epoch; }
  // Kafka's OffsetForLeaderEpoch for a log that ends at `log_end`; both -1 when `asked` is not known.
  End end_of(LeaderEpoch asked, Offset log_end) const;
  // kNoLeaderEpoch when `offset` lies before the first entry.
  LeaderEpoch at(Offset offset) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace weir::storage
