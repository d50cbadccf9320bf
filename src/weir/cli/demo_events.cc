// weir demo events: writes the shop's events to standard output, as fast as they are taken or at a rate.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "weir/cli/commands.h"
#include "weir/cli/process_stats.h"
#include "weir/cli/report.h"
#include "weir/cli/shop_events.h"
#include "weir/cli/shop_tally.h"

namespace weir::cli {
namespace {

constexpr size_t kBurstEventsMax = 256;  // written at once at full speed
constexpr int64_t kTickNs = 10'000'000;  // at a rate: how often a burst is due

int64_t wall_ms() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * int64_t{1000} + now.tv_nsec / 1'000'000;
}

void sleep_until(int64_t ns) {
  const timespec until{ns / 1'000'000'000, ns % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

// False when nobody reads any more.
bool write_out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

int print_summary(const DemoEventsArgs& args) {
  ShopEvents events(args.seed, args.users);
  ShopTally tally;
  for (uint64_t i = 0; i < args.first + args.count; ++i) {
    const ShopEvent event = events.next();
    if (i >= args.first && event.user % args.shares == args.share) tally.apply(event);
  }
  return write_out(tally.text()) ? kDone : kFailed;
}

}  // namespace

int demo_events(const DemoEventsArgs& args) {
  if (args.summary) {
    if (args.count > 0) return print_summary(args);
    report("--summary wants --count: a stream without end adds up to nothing");
    return kUsage;
  }
  ShopEvents events(args.seed, args.users);
  for (uint64_t i = 0; i < args.first; ++i) (void)events.next();
  const int64_t began = monotonic_ns();
  std::string text;
  for (uint64_t done = 0; args.count == 0 || done < args.count;) {
    uint64_t due = kBurstEventsMax;
    if (args.rate > 0) {
      const auto allowed =
          static_cast<uint64_t>(static_cast<double>(monotonic_ns() - began) * 1e-9 * static_cast<double>(args.rate)) + 1;
      if (allowed <= done) {
        sleep_until(
            std::max(monotonic_ns() + kTickNs / 10,
                     began + static_cast<int64_t>(static_cast<double>(done) * 1e9 / static_cast<double>(args.rate)) + kTickNs));
        continue;
      }
      due = std::min(due, allowed - done);
    }
    if (args.count > 0) due = std::min(due, args.count - done);
    const int64_t sent_ms = args.clock ? wall_ms() : -1;
    text.clear();
    for (uint64_t i = 0; i < due; ++i) {
      const ShopEvent event = events.next();
      if (event.user % args.shares == args.share) append_line(text, event, sent_ms);
    }
    if (!write_out(text)) {
      if (errno == EPIPE) return kDone;
      report("cannot write the events: standard output does not take them");
      return kFailed;
    }
    done += due;
  }
  return kDone;
}

}  // namespace weir::cli
