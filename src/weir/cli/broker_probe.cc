#include "weir/cli/bench/broker_probe.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "weir/runtime/real/holder.h"

namespace weir::cli {

namespace {

std::string read_small(const std::string& path) {
  std::string text;
  if (FILE* file = std::fopen(path.c_str(), "re")) {
    char buffer[4096];
    text.assign(buffer, std::fread(buffer, 1, sizeof buffer, file));
    std::fclose(file);
  }
  return text;
}

// "VmRSS:    1234 kB" of /proc/PID/status, in bytes.
uint64_t status_bytes(const std::string& status, const char* name) {
  const size_t at = status.find(name);
  unsigned long long kib = 0;
  if (at == std::string::npos || std::sscanf(status.c_str() + at + std::strlen(name), ": %llu", &kib) != 1) return 0;
  return kib * 1024;
}

uint64_t count_entries(const std::string& dir) {
  DIR* stream = ::opendir(dir.c_str());
  if (stream == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(stream)) count += entry->d_name[0] != '.' ? 1 : 0;
  ::closedir(stream);
  return count;
}

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
  const std::string stat = read_small(fmt::format("/proc/{}/stat", pid_));
  const size_t close = stat.rfind(')');  // the name before it may hold anything
  unsigned long long user = 0;
  unsigned long long system = 0;
  if (close == std::string::npos ||
      std::sscanf(stat.c_str() + close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2) {
    return fail(ErrorCode::kNotFound, fmt::format("process {} has ended", pid_));
  }
  ProcessSample sample;
  sample.cpu_seconds = static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const std::string status = read_small(fmt::format("/proc/{}/status", pid_));
  sample.resident_bytes = status_bytes(status, "VmRSS");
  sample.peak_bytes = status_bytes(status, "VmHWM");
  sample.descriptors = count_entries(fmt::format("/proc/{}/fd", pid_));
  return sample;
}

uint64_t BrokerProbe::resident_bytes() const {
  unsigned long long resident = 0;
  if (std::sscanf(read_small(fmt::format("/proc/{}/statm", pid_)).c_str(), "%*u %llu", &resident) != 1) return 0;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

double own_cpu_seconds() {
  timespec cpu{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  return static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9;
}

}  // namespace weir::cli
