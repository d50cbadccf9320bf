// Checks one log (a partition, a journal) from outside: what clients tried, what was acknowledged, what was read.
//
//   lost-write            an acknowledged value is not in the final read
//   inconsistent-offsets  an offset held two values, in time or between acknowledgement and read
//   duplicate             a value lies at two offsets
//   unexpected-value      a value nobody tried to write
//   unstable-read         an offset that was read is not there in the final read
//   gap                   the final read skips an offset
//   reordered-write       values of one writer lie in another order than it sent them
//
// A value whose write was never answered may or may not be there. Feeding stops mattering at the first violation, which is
// kept. Knows nothing of the simulator: usable on real runs too.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "checkers/violation.h"

namespace weir::sim {

// The n-th value of one writer.
struct ValueId {
  uint32_t writer = 0;
  uint32_t number = 0;
  friend auto operator<=>(const ValueId&, const ValueId&) = default;
  std::string text() const;
};

struct Placed {
  int64_t offset;
  ValueId value;
};

class LogHistory {
 public:
  // `may_repeat`: writers are not idempotent, so a value may lie at several offsets.
  explicit LogHistory(std::string log, bool may_repeat = false) : log_(std::move(log)), may_repeat_(may_repeat) {}

  void attempted(ValueId value);
  // `offset` is -1 when the answer does not say.
  void acknowledged(ValueId value, int64_t offset);
  // `start_floor` as it was when the question was sent.
  void observed(Placed placed, int64_t start_floor = 0);
  // Everything from `start` to the end, read when the world is calm again.
  void final_read(int64_t start, std::span<const Placed> all);

  // Somebody asks for everything below `target` to be deleted, kEverything for all that is there.
  static constexpr int64_t kEverything = -1;
  void deletion_tried(int64_t target);
  // The answer to it. `start_floor` as it was when it was sent.
  void deleted(int64_t target, int64_t low_watermark, int64_t start_floor);
  // The broker says that its log begins at `start`.
  void begins_at(int64_t start, int64_t start_floor);
  // The highest low watermark that was acknowledged: the log begins there, or later.
  int64_t start_floor() const { return start_floor_; }
  // Whether somebody asked for `offset` to be deleted.
  bool may_be_deleted(int64_t offset) const { return offset < start_ceiling_ || open_deletions_ > 0; }
  // Beyond the last offset that is known.
  int64_t known_end() const { return at_.empty() ? 0 : at_.rbegin()->first + 1; }

  const std::optional<Violation>& violation() const { return violation_; }
  uint64_t acknowledged_count() const { return acknowledged_.size(); }
  uint64_t observed_count() const { return at_.size(); }

 private:
  void place(Placed placed, const char* how);
  void violate(const char* checker, std::string message);

  struct Seen {
    ValueId value;
    std::string how;
  };
  std::string log_;
  bool may_repeat_;
  std::map<uint32_t, uint32_t> attempted_;  // writer to the highest number tried
  std::map<ValueId, int64_t> acknowledged_;
  std::map<int64_t, Seen> at_;  // by offset
  std::map<ValueId, int64_t> where_;
  int64_t end_of_reads_ = 0;
  int64_t start_floor_ = 0;
  int64_t start_ceiling_ = 0;
  uint64_t open_deletions_ = 0;  // of everything, never answered: they say of no offset that it must stay
  std::optional<Violation> violation_;
};

}  // namespace weir::sim
