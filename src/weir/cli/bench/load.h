// What the parts of one load share: when it runs, what was counted, and which acknowledged records came back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/assert.h"
#include "weir/base/error.h"
#include "weir/base/histogram.h"
#include "weir/base/time.h"

namespace weir::cli {

// When the load begins, is measured, and ends.
struct LoadPlan {
  MonoTime start;
  MonoTime measure_from;
  MonoTime until = kFarFuture;
  uint64_t to_measure = UINT64_MAX;  // records due after measure_from that are still to be sent
  uint64_t next_number = 0;          // of a record in the whole run
  uint64_t numbers_max = UINT64_MAX;  // the run ends when there have been so many records
  bool is_out_of_numbers() const { return next_number >= numbers_max; }
  bool is_over(MonoTime now) const { return to_measure == 0 || now >= until || is_out_of_numbers(); }
  // Whether a record due at `due` is part of the load; counts it.
  bool take(MonoTime due) {
    if (is_over(due)) return false;
    if (due >= measure_from && to_measure != UINT64_MAX) --to_measure;
    return true;
  }
};

// Counted since reset(); latencies only of what was due after measure_from.
struct LoadStats {
  Histogram latency_ns;
  uint64_t records = 0;
  uint64_t bytes = 0;     // of values and keys
  uint64_t requests = 0;
  uint64_t errors = 0;    // records that were refused
  std::optional<Error> first_error;
  MonoTime last;          // of the last answer that counted

  void refuse(uint64_t count, Error why) {
    errors += count;
    if (!first_error) first_error = std::move(why);
  }
  void reset() {
    const std::optional<Error> error = first_error;
    *this = LoadStats();
    first_error = error;
  }
};

// Which records were acknowledged, and how often each was read. Numbers are below kRecordsMax (LoadPlan::numbers_max).
class Ledger {
 public:
  static constexpr uint64_t kRecordsMax = uint64_t{1} << 29;  // a byte each

  struct Verdict {
    uint64_t acknowledged = 0;
    uint64_t lost = 0;        // acknowledged and never read
    uint64_t repeated = 0;    // read more than once
    uint64_t unasked = 0;     // read and never acknowledged: their answer was an error, or did not come
    bool holds() const { return lost == 0 && repeated == 0; }
  };

  void acknowledge(uint64_t number) {
    uint8_t& state = at(number);
    if ((state & kAcknowledged) == 0 && (state & kReadMask) == 0) ++unread_;
    state |= kAcknowledged;
  }
  void read(uint64_t number) {
    uint8_t& state = at(number);
    const int reads = state & kReadMask;
    if (reads == 0 && (state & kAcknowledged) != 0) --unread_;
    if (reads < kReadMask) ++state;
  }
  // Acknowledged and not read yet.
  uint64_t unread() const { return unread_; }
  Verdict verdict() const {
    Verdict verdict;
    for (const uint8_t state : states_) {
      const bool acknowledged = (state & kAcknowledged) != 0;
      const int reads = state & kReadMask;
      verdict.acknowledged += acknowledged ? 1 : 0;
      verdict.lost += acknowledged && reads == 0 ? 1 : 0;
      verdict.repeated += reads > 1 ? 1 : 0;
      verdict.unasked += !acknowledged && reads > 0 ? 1 : 0;
    }
    return verdict;
  }

 private:
  static constexpr uint8_t kAcknowledged = 0x80;
  static constexpr uint8_t kReadMask = 0x03;
  uint8_t& at(uint64_t number) {
    WEIR_ASSERT(number < kRecordsMax, number);
    if (number >= states_.size()) states_.resize(std::max<size_t>(number + 1, states_.size() * 2));
    return states_[number];
  }
  std::vector<uint8_t> states_;
  uint64_t unread_ = 0;
};

}  // namespace weir::cli
