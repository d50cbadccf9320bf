// What a load costs the brokers, when they run on this machine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weir/cli/broker_probe.h"

namespace weir::cli {

// The broker's processes over a stretch of work, added up.
struct BrokerCost {
  std::string name;  // "weir (pid 4121)"
  double cpu_seconds = 0;
  uint64_t resident_bytes = 0;  // at the end
  uint64_t resident_max = 0;    // the most seen while it ran
  uint64_t peak_bytes = 0;      // since the process began
  uint64_t descriptors = 0;
};

// Watches the processes of brokers.
class BrokerWatch {
 public:
  // Those of `at` that run on this machine, or `pid` alone. None found: is_empty(), and why().
  static Result<BrokerWatch> find(std::optional<int32_t> pid, const std::vector<runtime::Endpoint>& at);
  bool is_empty() const { return probes_.empty(); }
  const std::string& why() const { return why_; }
  void begin();
  void look();  // now and then, for the most memory
  std::optional<BrokerCost> end();
  // Of all of them, as seen last.
  uint64_t resident() const { return now_; }
  std::string name() const;

 private:
  std::vector<BrokerProbe> probes_;
  std::vector<ProcessSample> before_;
  uint64_t now_ = 0;
  uint64_t most_ = 0;
  std::string why_;
};

}  // namespace weir::cli
