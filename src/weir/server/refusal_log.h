// Log lines about clients that were refused or sent garbage: the first few of an interval, then how many more there were.
// Thousands of hostile connections must not fill the disk that the log lies on.
//
// Owner    BrokerServer. Shard    the broker shard.
// Bounds   kLinesMax lines an interval, and one that counts the rest.
#pragma once

#include <string_view>

#include "weir/base/log.h"
#include "weir/base/time.h"

namespace weir::server {

class RefusalLog {
 public:
  static constexpr size_t kLinesMax = 20;
  static constexpr Duration kInterval = 10s;

  explicit RefusalLog(Logger log) : log_(log) {}

  void say(MonoTime now, std::string_view line) {
    settle(now);
    if (lines_ == 0) began_ = now;
    if (++lines_ <= kLinesMax) log_.info("{}", line);
  }
  // Says how many lines were left out, once their interval is over; the owner calls it now and then.
  void settle(MonoTime now) {
    if (lines_ == 0 || now - began_ < kInterval) return;
    if (lines_ > kLinesMax) log_.warning("{} more connections were closed, refused or made to wait in {} s; their lines are left out", lines_ - kLinesMax, (now - began_) / 1s);
    lines_ = 0;
  }

 private:
  Logger log_;
  MonoTime began_;
  size_t lines_ = 0;   // of this interval
};

}  // namespace weir::server
