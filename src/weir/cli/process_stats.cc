#include "weir/cli/process_stats.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fmt/format.h>

#include "weir/cli/proc_files.h"

namespace weir::cli {
namespace {

double unix_seconds() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double start_unix_seconds() {
  const uint64_t ticks = stat_field(proc_text("/proc/self/stat"), kStartTicks);  // since the system's start
  timespec up;
  clock_gettime(CLOCK_BOOTTIME, &up);
  const double age = static_cast<double>(up.tv_sec) + static_cast<double>(up.tv_nsec) * 1e-9 -
                     static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return unix_seconds() - age;
}

}  // namespace

int64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

double own_cpu_seconds() {
  timespec cpu{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  return static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9;
}

Result<void> make_room_for_connections(uint64_t connections) {
  constexpr uint64_t kOwn = 64;
  const uint64_t limit = raise_descriptor_limit();
  if (limit >= connections + kOwn) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} connections need as many descriptors, and this process may have {}\nraise the limit: ulimit -n", connections, limit));
}

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

node::ProcessStats process_stats(const runtime::LoopCounters& loop) {
  node::ProcessStats stats;
  stats.cpu_seconds = own_cpu_seconds();
  const std::string status = proc_text("/proc/self/status");
  stats.virtual_bytes = number_behind(status, "VmSize:") * 1024;
  stats.resident_bytes = number_behind(status, "VmRSS:") * 1024;
  const uint64_t descriptors = count_entries("/proc/self/fd");
  stats.open_descriptors = descriptors > 0 ? descriptors - 1 : 0;  // the one that looked
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.descriptors_max = limit.rlim_cur;
  static const double started = start_unix_seconds();
  stats.start_unix_seconds = started;
  stats.loop_turns = loop.turns;
  stats.loop_stalls = loop.stalls;
  stats.longest_turn_seconds = static_cast<double>(loop.longest_turn.count()) * 1e-9;
  return stats;
}

}  // namespace weir::cli
