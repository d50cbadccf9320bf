#include "weir/cli/broker_probe.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/proc_files.h"
#include "weir/runtime/real/holder.h"

namespace weir::cli {

namespace {

std::optional<sockaddr_storage> loopback_of(const runtime::Endpoint& at) {
  sockaddr_storage address{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  char own[256] = {};
  const bool is_own_name = ::gethostname(own, sizeof own - 1) == 0 && at.host == own;
  if (at.host == "localhost" || is_own_name) {
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(is_own_name ? INADDR_ANY : INADDR_LOOPBACK);
  } else if (::inet_pton(AF_INET, at.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
  } else if (::inet_pton(AF_INET6, at.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
  } else {
    return std::nullopt;
  }
  v4.sin_port = htons(at.port);  // at the same place in both
  return address;
}

}  // namespace

Result<BrokerProbe> BrokerProbe::find(std::optional<int32_t> pid, const runtime::Endpoint& at) {
  if (pid) {
    const runtime::Holder holder = runtime::holder_with_pid(*pid);
    if (holder.name.empty()) return fail(ErrorCode::kInvalidArgument, fmt::format("--pid {}: there is no such process", *pid));
    return BrokerProbe(holder.pid, holder.name);
  }
  if (const auto address = loopback_of(at)) {
    if (const auto holder = runtime::holder_of_port(*address)) return BrokerProbe(holder->pid, holder->name);
  }
  return fail(ErrorCode::kNotFound, fmt::format("no process on this machine is seen to listen at {}", at.text()));
}

Result<ProcessSample> BrokerProbe::sample() const {
  const std::string stat = proc_text(fmt::format("/proc/{}/stat", pid_));
  if (stat.empty()) return fail(ErrorCode::kNotFound, fmt::format("process {} has ended", pid_));
  ProcessSample sample;
  const uint64_t ticks = stat_field(stat, kUserTicks) + stat_field(stat, kSystemTicks);
  sample.cpu_seconds = static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const std::string status = proc_text(fmt::format("/proc/{}/status", pid_));
  sample.resident_bytes = number_behind(status, "VmRSS:") * 1024;
  sample.peak_bytes = number_behind(status, "VmHWM:") * 1024;
  sample.descriptors = count_entries(fmt::format("/proc/{}/fd", pid_));
  return sample;
}

uint64_t BrokerProbe::resident_bytes() const { return number_behind(proc_text(fmt::format("/proc/{}/status", pid_)), "VmRSS:") * 1024; }

ProcessLimits BrokerProbe::limits() const {
  ProcessLimits limits;
  limits.descriptors = count_entries(fmt::format("/proc/{}/fd", pid_));
  limits.descriptors_max = number_behind(proc_text(fmt::format("/proc/{}/limits", pid_)), "Max open files");
  limits.swapped_bytes = number_behind(proc_text(fmt::format("/proc/{}/status", pid_)), "VmSwap:") * 1024;
  limits.maps = static_cast<uint64_t>(std::ranges::count(proc_text(fmt::format("/proc/{}/maps", pid_)), '\n'));
  limits.maps_max = number_behind(proc_text("/proc/sys/vm/max_map_count"), "");
  return limits;
}

}  // namespace weir::cli
