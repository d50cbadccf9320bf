#include "weir/cli/process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>

namespace weir::cli {
namespace {

uint64_t count_descriptors() {
  DIR* stream = opendir("/proc/self/fd");
  if (stream == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = readdir(stream)) count += entry->d_name[0] != '.' ? 1 : 0;
  closedir(stream);
  return count - 1;  // the one that looked
}

double unix_seconds() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Field 22 of /proc/self/stat, in clock ticks since the system's start; the second field, in brackets, may hold anything.
double start_unix_seconds() {
  FILE* file = fopen("/proc/self/stat", "re");
  if (file == nullptr) return 0;
  char text[2048];
  const size_t size = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  const std::string_view line(text, size);
  const size_t close = line.rfind(')');
  if (close == std::string_view::npos) return 0;
  text[size] = 0;
  unsigned long long ticks = 0;
  if (sscanf(text + close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks) != 1)
    return 0;
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

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

node::ProcessStats process_stats(const runtime::LoopCounters& loop) {
  node::ProcessStats stats;
  timespec cpu;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  stats.cpu_seconds = static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9;
  if (FILE* file = fopen("/proc/self/statm", "re"); file != nullptr) {
    unsigned long long total = 0;
    unsigned long long resident = 0;
    if (fscanf(file, "%llu %llu", &total, &resident) == 2) {
      const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
      stats.virtual_bytes = total * page;
      stats.resident_bytes = resident * page;
    }
    fclose(file);
  }
  stats.open_descriptors = count_descriptors();
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
