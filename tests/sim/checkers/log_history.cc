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

void LogHistory::observed(Placed placed) {
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
  for (const auto& [value, offset] : acknowledged_) {
    const auto found = there.find(value);
    if ((offset < 0 || offset >= start) && found == there.end()) {
      violate("lost-write",
              fmt::format("{} was acknowledged at offset {} and is gone; the log ends at {}", value.text(), offset, expected));
    }
  }
}

}  // namespace weir::sim
