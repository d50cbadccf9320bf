#include <algorithm>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "weir/cli/bench/broker_probe.h"
#include "weir/cli/doctor/options.h"
#include "weir/cli/load_config.h"

namespace weir::cli {

namespace {

constexpr size_t kProcFileBytesMax = 64 << 20;

std::string proc_text(const std::string& path) { return read_whole_file(path, kProcFileBytesMax).value_or(""); }

// The first number behind `name`; 0 when there is none ("unlimited").
uint64_t number_behind(const std::string& text, const char* name) {
  const size_t at = text.find(name);
  unsigned long long number = 0;
  if (at == std::string::npos || std::sscanf(text.c_str() + at + std::strlen(name), " %llu", &number) != 1) return 0;
  return number;
}

}  // namespace

ProcessLimits process_limits(pid_t pid) {
  ProcessLimits limits;
  const auto probe = BrokerProbe::find(pid, {});
  if (probe) limits.descriptors = probe->sample().value_or(ProcessSample()).descriptors;
  limits.descriptors_max = number_behind(proc_text(fmt::format("/proc/{}/limits", pid)), "Max open files");
  limits.swapped_bytes = number_behind(proc_text(fmt::format("/proc/{}/status", pid)), "VmSwap:") * 1024;
  const std::string maps = proc_text(fmt::format("/proc/{}/maps", pid));
  limits.maps = static_cast<uint64_t>(std::ranges::count(maps, '\n'));
  limits.maps_max = number_behind(proc_text("/proc/sys/vm/max_map_count"), "");
  return limits;
}

}  // namespace weir::cli
