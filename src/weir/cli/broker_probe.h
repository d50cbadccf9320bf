// The process of a broker on this machine: what it has used, and what it may use, from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "weir/runtime/network.h"

namespace weir::cli {

struct ProcessSample {
  double cpu_seconds = 0;  // user and system, all threads
  uint64_t resident_bytes = 0;
  uint64_t peak_bytes = 0;  // since the process began
  uint64_t descriptors = 0;
};

// Zeros where the system does not tell.
struct ProcessLimits {
  uint64_t descriptors = 0;
  uint64_t descriptors_max = 0;
  uint64_t swapped_bytes = 0;
  uint64_t maps = 0;
  uint64_t maps_max = 0;
};

class BrokerProbe {
 public:
  // The process `pid`, or the one that listens at `at` when that is this machine. Errors: kNotFound, kInvalidArgument.
  static Result<BrokerProbe> find(std::optional<int32_t> pid, const runtime::Endpoint& at);

  pid_t pid() const { return pid_; }
  const std::string& name() const { return name_; }
  // Errors: kNotFound (it has ended).
  Result<ProcessSample> sample() const;
  // A tenth of the price of sample(): resident bytes only; 0 when the process has ended.
  uint64_t resident_bytes() const;
  ProcessLimits limits() const;

 private:
  BrokerProbe(pid_t pid, std::string name) : pid_(pid), name_(std::move(name)) {}
  pid_t pid_;
  std::string name_;
};

}  // namespace weir::cli
