// What `weir doctor` says about what it saw. Pure: the seeing is in doctor.cc.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weir/cli/broker_probe.h"
#include "weir/client/admin.h"
#include "weir/client/admin_brokers.h"

namespace weir::cli {

enum class Severity : uint8_t { kOk, kWarning, kError };

struct Finding {
  Severity severity = Severity::kOk;
  std::string about;   // "broker 1", "topic clicks", "cluster"
  std::string what;
  std::string advice;  // empty when nothing is wrong
};
using Findings = std::vector<Finding>;

// Options of a broker by name.
using Options = std::map<std::string, std::string, std::less<>>;

void check_partitions(const std::vector<client::TopicPtr>& topics, Findings& findings);
// `options` of the broker whose disk it is; those that cannot be read are left out.
void check_disk(std::string about, const client::LogDir& dir, const Options& options, Findings& findings);
void check_options(std::string about, const Options& options, size_t brokers, Findings& findings);
// Options that were set on topics with one copy or many.
void check_topic_options(const client::Topic& topic, const Options& options, Findings& findings);
// The youngest timestamp of a topic.
void check_timestamp(std::string_view topic, TimestampMs youngest, TimestampMs now, Findings& findings);

void check_process(std::string about, const ProcessLimits& limits, Findings& findings);

}  // namespace weir::cli
