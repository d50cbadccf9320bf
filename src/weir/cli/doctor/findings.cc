#include "weir/cli/doctor/findings.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "weir/cli/amounts.h"
#include "weir/cli/when.h"
#include "weir/client/admin_brokers.h"
#include "weir/node/listeners.h"
#include "weir/storage/log_manager.h"

namespace weir::cli {

namespace {

constexpr double kLowDiskShare = 0.10;
constexpr TimestampMs kAheadMaxMs = 60'000;
constexpr uint64_t kDescriptorsWanted = 10'000;
constexpr double kNearlyAll = 0.8;
constexpr size_t kNamesMax = 5;

void say(Findings& findings, Severity severity, std::string about, std::string what, std::string advice = {}) {
  findings.push_back({severity, std::move(about), std::move(what), std::move(advice)});
}

// "a, b, c and 12 more".
std::string some_names(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(kNamesMax, names.size()); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamesMax) text += fmt::format(" and {} more", names.size() - kNamesMax);
  return text;
}

std::string value_of(const Options& options, std::string_view name, std::string otherwise = "") {
  const auto found = options.find(name);
  return found == options.end() ? otherwise : found->second;
}

// The elements of "a,b,c".
std::vector<std::string_view> elements_of(std::string_view list) {
  std::vector<std::string_view> elements;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    elements.push_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return elements;
}

// Of a listener by the map "NAME:PROTOCOL,..."; one that is not in it speaks what its name says.
std::string_view protocol_of(std::string_view name, std::string_view map) {
  for (const std::string_view pair : elements_of(map)) {
    const size_t colon = pair.find(':');
    if (colon != std::string_view::npos && pair.substr(0, colon) == name) return pair.substr(colon + 1);
  }
  return name;
}

// Listeners of "NAME://host:port,..." that are reachable from elsewhere and speak PLAINTEXT or SSL without asking who it is.
std::vector<std::string> open_listeners(const Options& options) {
  std::vector<std::string> found;
  const std::string protocols = value_of(options, "listener.security.protocol.map");
  const std::string controller_names = value_of(options, "controller.listener.names");
  const std::vector<std::string_view> controllers = elements_of(controller_names);
  const std::string listeners = value_of(options, "listeners");
  for (const std::string_view one : elements_of(listeners)) {
    const size_t mark = one.find("://");
    const size_t colon = one.rfind(':');
    if (mark == std::string_view::npos || colon <= mark) continue;
    const std::string_view name = one.substr(0, mark);
    std::string_view host = one.substr(mark + 3, colon - mark - 3);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const std::string_view protocol = protocol_of(name, protocols);
    const bool asks = protocol.starts_with("SASL_") || (protocol == "SSL" && value_of(options, "ssl.client.auth") == "required");
    const bool is_controller = std::ranges::find(controllers, name) != controllers.end();
    if (!asks && !node::is_loopback(host) && !is_controller) found.emplace_back(one);
  }
  return found;
}

}  // namespace

void check_partitions(const std::vector<client::TopicPtr>& topics, Findings& findings) {
  std::vector<std::string> leaderless;
  std::vector<std::string> behind;
  size_t count = 0;
  for (const client::TopicPtr& topic : topics) {
    for (const client::Partition& one : topic->partitions) {
      ++count;
      const std::string name = fmt::format("{}-{}", topic->name, one.index);
      if (one.leader == kNoBroker) leaderless.push_back(name);
      else if (one.isr.size() < one.replicas.size()) behind.push_back(fmt::format("{} ({} of {})", name, one.isr.size(), one.replicas.size()));
    }
  }
  if (!leaderless.empty()) {
    say(findings, Severity::kError, "cluster", fmt::format("{} of {} partitions have no leader: {}", leaderless.size(), count, some_names(leaderless)),
        "start the brokers that hold them, or look at their disks; nothing can be written or read there until then");
  }
  if (!behind.empty()) {
    say(findings, Severity::kWarning, "cluster", fmt::format("{} of {} partitions have fewer copies in step than they should: {}", behind.size(), count, some_names(behind)),
        "a broker is down, or too slow to follow: weir cluster shows which lead how much");
  }
  if (leaderless.empty() && behind.empty()) say(findings, Severity::kOk, "cluster", fmt::format("all {} partitions have a leader and all their copies", count));
}

void check_disk(std::string about, const client::LogDir& dir, const Options& options, Findings& findings) {
  if (dir.is_offline) {
    say(findings, Severity::kError, about, fmt::format("log directory {} is offline", dir.path), "look for disk errors (dmesg), mend the disk, start the broker again");
    return;
  }
  if (dir.total_bytes <= 0 || dir.usable_bytes < 0) {
    say(findings, Severity::kOk, about, fmt::format("{}: the broker does not tell how much room there is", dir.path));
    return;
  }
  // Only Weir keeps a part of the disk free.
  const std::string told = value_of(options, "weir.disk.reserve.bytes.max", "0");
  const int64_t told_bytes = std::strtoll(told.c_str(), nullptr, 10);
  const int64_t reserve = told_bytes >= 0 ? told_bytes : storage::disk_reserve(dir.total_bytes);
  const int64_t usable_bytes = dir.usable_bytes;
  const double share = static_cast<double>(usable_bytes) / static_cast<double>(dir.total_bytes);
  const std::string text = fmt::format("{}: {} of {} are free ({:.0f} %)", dir.path, bytes_text(static_cast<double>(usable_bytes)), bytes_text(static_cast<double>(dir.total_bytes)), share * 100);
  constexpr std::string_view kAdvice = "free space, add a disk, or let less be kept: weir config set topic NAME retention.bytes=N";
  if (usable_bytes <= reserve) say(findings, Severity::kError, about, text + ": writes stop here", std::string(kAdvice));
  else if (share < kLowDiskShare) say(findings, Severity::kWarning, about, text, std::string(kAdvice));
  else say(findings, Severity::kOk, about, text);
}

void check_options(std::string about, const Options& options, size_t brokers, Findings& findings) {
  const size_t before = findings.size();
  if (value_of(options, "unclean.leader.election.enable") == "true") {
    say(findings, Severity::kWarning, about, "unclean.leader.election.enable=true: a copy that lags may become leader, and acknowledged records are lost",
        fmt::format("weir config set {} --reset unclean.leader.election.enable", about));
  }
  for (const std::string& listener : open_listeners(options)) {
    say(findings, Severity::kWarning, about, fmt::format("listener {} is reachable from other machines and asks nobody who they are", listener),
        "bind it to localhost, or give it SASL or TLS with client certificates");
  }
  if (brokers >= 3) {
    for (const std::string_view name : {"default.replication.factor", "offsets.topic.replication.factor", "transaction.state.log.replication.factor"}) {
      if (value_of(options, name) == "1") {
        say(findings, Severity::kWarning, about, fmt::format("{}=1 with {} brokers: what is made so has one copy", name, brokers), fmt::format("set {}=3", name));
      }
    }
  }
  if (value_of(options, "auto.create.topics.enable") == "true") {
    say(findings, Severity::kWarning, about, "auto.create.topics.enable=true: a name that is misspelt makes a topic", "set auto.create.topics.enable=false and make topics with weir topic create");
  }
  if (findings.size() == before) say(findings, Severity::kOk, about, "no risky option");
}

void check_topic_options(const client::Topic& topic, const Options& options, Findings& findings) {
  const std::string about = fmt::format("topic {}", topic.name);
  size_t copies = 0;
  for (const client::Partition& one : topic.partitions) copies = std::max(copies, one.replicas.size());
  const std::string flush = value_of(options, "weir.flush.on.ack");
  const bool is_weir = options.contains("weir.flush.on.ack");
  const bool flushes = is_weir ? flush != "false" : value_of(options, "flush.messages") == "1";
  if (copies == 1 && !flushes) {
    say(findings, Severity::kWarning, about, fmt::format("one copy, and acknowledged before it is on disk: a power cut may lose acknowledged records"),
        is_weir ? fmt::format("weir config set topic {} --reset weir.flush.on.ack", topic.name) : std::string("give it more copies, or flush.messages=1"));
  }
  const std::string insync = value_of(options, "min.insync.replicas");
  if (copies >= 3 && insync == "1") {
    say(findings, Severity::kWarning, about, fmt::format("{} copies, but min.insync.replicas=1: acks=all may mean one copy", copies),
        fmt::format("weir config set topic {} min.insync.replicas=2", topic.name));
  }
  if (!insync.empty() && insync != "1" && static_cast<size_t>(std::atoi(insync.c_str())) > copies) {
    say(findings, Severity::kError, about, fmt::format("min.insync.replicas={} with {} cop{}: nobody can write with acks=all", insync, copies, copies == 1 ? "y" : "ies"),
        fmt::format("weir config set topic {} min.insync.replicas={}", topic.name, copies));
  }
  if (value_of(options, "unclean.leader.election.enable") == "true") {
    say(findings, Severity::kWarning, about, "unclean.leader.election.enable=true: acknowledged records may be lost",
        fmt::format("weir config set topic {} --reset unclean.leader.election.enable", topic.name));
  }
}

void check_timestamp(std::string_view topic, TimestampMs youngest, TimestampMs now, Findings& findings) {
  if (youngest <= now + kAheadMaxMs) return;
  say(findings, Severity::kWarning, fmt::format("topic {}", topic),
      fmt::format("has a record from {}, {} ahead of the clock here: it is kept until that time has passed and retention.ms more", iso_text(youngest),
                  duration_text(Duration((youngest - now) * 1'000'000))),
      "compare the clocks of producers, brokers and this machine (timedatectl); message.timestamp.after.max.ms refuses such records");
}

void check_process(std::string about, const ProcessLimits& limits, Findings& findings) {
  const size_t before = findings.size();
  const auto share = [](uint64_t used, uint64_t most) { return most == 0 ? 0.0 : static_cast<double>(used) / static_cast<double>(most); };
  if (share(limits.descriptors, limits.descriptors_max) > kNearlyAll) {
    say(findings, Severity::kError, about, fmt::format("{} of {} descriptors are in use", limits.descriptors, limits.descriptors_max), "raise LimitNOFILE of its service (ulimit -n), start it again");
  } else if (limits.descriptors_max > 0 && limits.descriptors_max < kDescriptorsWanted) {
    say(findings, Severity::kWarning, about, fmt::format("may have {} descriptors only; each connection and open segment takes one", limits.descriptors_max), "raise LimitNOFILE of its service (ulimit -n), start it again");
  }
  if (share(limits.maps, limits.maps_max) > kNearlyAll) {
    say(findings, Severity::kError, about, fmt::format("{} of {} memory maps are in use", limits.maps, limits.maps_max), "raise vm.max_map_count");
  }
  if (limits.swapped_bytes > 0) {
    say(findings, Severity::kWarning, about, fmt::format("{} of its memory are swapped out", bytes_text(static_cast<double>(limits.swapped_bytes))), "give the machine more memory, or the broker less; set vm.swappiness=1");
  }
  if (findings.size() == before) say(findings, Severity::kOk, about, fmt::format("{} of {} descriptors, nothing swapped out", limits.descriptors, limits.descriptors_max));
}

}  // namespace weir::cli
