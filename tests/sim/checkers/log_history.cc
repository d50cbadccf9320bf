#include "checkers/log_history.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::sim {

std::string ValueId::text() const { return fmt::format("{}/{}", writer, number); }

void LogHistory::violate(const char* checker, std::string message) {
  if (!violation_) violation_ = Violation{checker, fmt::format("{}: {}", log_, message)};
}

void LogHistory::attempted(ValueId value) {
  uint32_t& highest = attempted_[value.writer];
  highest = std::max(highest, value.number);
}

void LogHistory::acknowledged(ValueId value, int64_t offset) {
  acknowledged_[value] = offset;
  if (offset >= 0) place({offset, value}, "acknowledged");
}

void LogHistory::observed(Placed placed, int64_t start_floor) {
  if (placed.offset < start_floor) {
    violate("undeleted", fmt::format("offset {} was read, and everything below {} had been deleted", placed.offset, start_floor));
  }
  place(placed, "read");
  end_of_reads_ = std::max(end_of_reads_, placed.offset + 1);
}

void LogHistory::place(Placed placed, const char* how) {
  const auto attempted = attempted_.find(placed.value.writer);
  if (attempted == attempted_.end() || attempted->second < placed.value.number) {
    violate("unexpected-value", fmt::format("offset {} holds {}, which nobody wrote", placed.offset, placed.value.text()));
  }
  const auto [at, is_new] = at_.try_emplace(placed.offset, Seen{placed.value, how});
  if (at->second.value != placed.value) {
    violate("inconsistent-offsets", fmt::format("offset {} was {} as {} and is now {} as {}", placed.offset, at->second.how,
                                                at->second.value.text(), how, placed.value.text()));
  }
  const auto [where, is_first] = where_.try_emplace(placed.value, placed.offset);
  if (!may_repeat_ && where->second != placed.offset) {
    violate("duplicate", fmt::format("{} lies at offsets {} and {}", placed.value.text(), where->second, placed.offset));
  }
}

void LogHistory::final_read(int64_t start, std::span<const Placed> all) {
  begins_at(start, start_floor_);
  int64_t expected = start;
  std::map<uint32_t, uint32_t> last;  // number by writer
  std::map<ValueId, int64_t> there;
  for (const Placed& placed : all) {
    if (placed.offset != expected) {
      violate("gap", fmt::format("after offset {} comes {}", expected - 1, placed.offset));
    }
    expected = placed.offset + 1;
    place(placed, "read at the end");
    there[placed.value] = placed.offset;
    uint32_t& number = last[placed.value.writer];
    if (!may_repeat_ && placed.value.number <= number) {
      violate("reordered-write",
              fmt::format("offset {} holds {} after {} of the same writer", placed.offset, placed.value.text(), number));
    }
    number = placed.value.number;
  }
  if (end_of_reads_ > expected) {
    violate("unstable-read", fmt::format("offset {} was read before, and the log ends at {}", end_of_reads_ - 1, expected));
  }
  std::map<uint32_t, uint32_t> first;  // number by writer
  for (const auto& [value, offset] : there) first.try_emplace(value.writer, value.number);
  for (const auto& [value, acknowledged_at] : acknowledged_) {
    const auto found = there.find(value);
    const auto where = where_.find(value);
    const int64_t offset = where == where_.end() ? acknowledged_at : where->second;
    // A repeated write is acknowledged without its offset: it lies behind whatever its writer sent before.
    const auto before = first.find(value.writer);
    const bool is_behind = start == 0 || (before != first.end() && before->second < value.number);
    if ((offset < 0 ? is_behind : offset >= start) && found == there.end()) {
      violate("lost-write",
              fmt::format("{} was acknowledged at offset {} and is gone; the log ends at {}", value.text(), offset, expected));
    }
  }
}

void LogHistory::deletion_tried(int64_t target) {
  if (target == kEverything) ++open_deletions_;
  else start_ceiling_ = std::max(start_ceiling_, target);
}

void LogHistory::deleted(int64_t target, int64_t low_watermark, int64_t start_floor) {
  if (target == kEverything) {
    --open_deletions_;
    start_ceiling_ = std::max(start_ceiling_, low_watermark);
  }
  if (low_watermark < target) {
    violate("undeleted", fmt::format("everything below {} was deleted, and the log begins at {}", target, low_watermark));
  }
  begins_at(low_watermark, start_floor);
  start_floor_ = std::max(start_floor_, low_watermark);
}

void LogHistory::begins_at(int64_t start, int64_t start_floor) {
  if (start < start_floor) {
    violate("undeleted", fmt::format("the log begins at {}, and everything below {} had been deleted", start, start_floor));
  }
  if (start > 0 && !may_be_deleted(start - 1)) {
    violate("deleted-too-much", fmt::format("the log begins at {}, and nobody asked for more than {} to be deleted", start, start_ceiling_));
  }
}

}  // namespace weir::sim
