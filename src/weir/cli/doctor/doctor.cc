// weir doctor: looks at a cluster from outside and says what is wrong, or soon will be.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "weir/cli/broker_probe.h"
#include "weir/cli/client_command.h"
#include "weir/cli/doctor/findings.h"
#include "weir/cli/doctor/options.h"
#include "weir/cli/json_text.h"
#include "weir/cli/progress.h"
#include "weir/cli/text_width.h"
#include "weir/client/admin_brokers.h"

namespace weir::cli {

namespace {

constexpr size_t kTopicsLookedAtMax = 1000;
// A topic whose records cannot be read is asked again, but a cluster may have many of them.
constexpr Duration kTimestampTimeout = std::chrono::seconds(2);

class Doctor {
 public:
  Doctor(ClientContext& context, DoctorArgs args) : context_(context), args_(args) {}

  Task<Result<void>> run() {
    WEIR_CO_TRY(topics_, co_await context_.cluster.all_topics(context_.patience()));
    if (context_.cluster.controller() == kNoBroker) {
      add(Severity::kError, "cluster", "there is no controller: topics and options cannot be changed", "start the controllers; a majority of them must run");
    }
    check_partitions(topics_, findings_);
    const std::vector<client::Broker> brokers = context_.cluster.brokers();
    look_at_bootstrap(brokers);
    for (const client::Broker& broker : brokers) {
      const auto connection = co_await reach(broker);
      if (!connection) continue;
      co_await look_at_versions(broker, *connection);
      const Options options = co_await look_at_options(broker, brokers.size());
      co_await look_at_disks(broker, *connection, options);
      look_at_process(broker);
    }
    compare_features();
    co_await look_at_topics();
    progress_.finish();
    print();
    const bool is_sick = std::ranges::any_of(findings_, [](const Finding& one) { return one.severity == Severity::kError; });
    if (is_sick) co_return fail(ErrorCode::kUnavailable, "something is wrong with this cluster");
    co_return Result<void>();
  }

 private:
  void add(Severity severity, std::string about, std::string what, std::string advice = {}) {
    findings_.push_back({severity, std::move(about), std::move(what), std::move(advice)});
  }
  static std::string name_of_broker(const client::Broker& broker) { return fmt::format("broker {}", broker.id); }

  void look_at_bootstrap(const std::vector<client::Broker>& brokers) {
    for (const runtime::Endpoint& typed : context_.cluster.options().bootstrap) {
      const auto is_it = [&](const client::Broker& broker) { return broker.endpoint == typed; };
      if (std::ranges::any_of(brokers, is_it)) continue;
      std::string advertised;
      for (const client::Broker& broker : brokers) advertised += (advertised.empty() ? "" : ", ") + broker.endpoint.text();
      const bool goes_far = !typed.host.starts_with("127.") && typed.host != "localhost";
      const bool stays = std::ranges::all_of(brokers, [](const client::Broker& broker) { return broker.endpoint.host == "localhost" || broker.endpoint.host.starts_with("127."); });
      if (goes_far && stays) {
        add(Severity::kError, "cluster", fmt::format("you came by {}, but the brokers send clients to {}: from another machine that leads nowhere", typed.text(), advertised),
            "set advertised.listeners to addresses that clients can reach");
      } else {
        add(Severity::kOk, "cluster", fmt::format("{} is not advertised (a proxy or another name?); the brokers send clients to {}", typed.text(), advertised));
      }
    }
  }

  // At the address that it advertises, as any client would after its first question.
  Task<Result<client::ConnectionPtr>> reach(client::Broker broker) {
    progress_.show_text(fmt::format("{} at {}", name_of_broker(broker), broker.endpoint.text()), context_.env.executor.now());
    const MonoTime began = context_.env.executor.now();
    const Deadline deadline = Deadline::at(began + kFirstContactTimeout);
    const auto connection = co_await context_.cluster.broker(broker.id, rpc::Lane::kQuick, {deadline, context_.stop});
    if (!connection) {
      add(Severity::kError, name_of_broker(broker), fmt::format("cannot be reached where it sends clients, {}: {}", broker.endpoint.text(), connection.error().message()),
          "is it running? else set its advertised.listeners to an address that clients can reach");
    } else {
      add(Severity::kOk, name_of_broker(broker), fmt::format("answers at {}", broker.endpoint.text()));
    }
    co_return connection;
  }

  Task<void> look_at_versions(client::Broker broker, client::ConnectionPtr connection) {
    const auto told = co_await client::describe_versions(connection, context_.cluster.one_attempt(context_.patience()));
    if (!told) co_return;
    features_[broker.id] = told->features;
    add(Severity::kOk, name_of_broker(broker), fmt::format("serves {} APIs, features: {}", told->apis, told->features.empty() ? "none told" : told->features));
  }
  void compare_features() {
    const auto differs = [&](const auto& one) { return one.second != features_.begin()->second; };
    if (features_.empty() || std::ranges::none_of(features_, differs)) return;
    std::string text;
    for (const auto& [id, features] : features_) text += fmt::format("{}broker {}: {}", text.empty() ? "" : "; ", id, features);
    add(Severity::kWarning, "cluster", fmt::format("the brokers tell of different features: {}", text), "wait a moment and ask again; if it stays, one of them does not follow the controller");
  }

  Task<void> look_at_disks(client::Broker broker, client::ConnectionPtr connection, Options options) {
    const auto dirs = co_await client::describe_log_dirs(connection, false, context_.cluster.one_attempt(context_.patience()));
    if (!dirs) add(Severity::kOk, name_of_broker(broker), "does not tell of its disks");
    else for (const client::LogDir& dir : *dirs) check_disk(name_of_broker(broker), dir, options, findings_);
  }

  Task<Options> look_at_options(client::Broker broker, size_t brokers) {
    Options options;
    const auto entries = co_await context_.admin.describe_configs({client::ResourceType::kBroker, fmt::to_string(broker.id)}, context_.patience());
    if (!entries) {
      add(Severity::kWarning, name_of_broker(broker), fmt::format("its options cannot be read: {}", entries.error().describe()), "run weir doctor as somebody who may describe the cluster's options");
      co_return options;
    }
    for (const client::ConfigEntry& one : *entries) options[one.name] = one.value.value_or("");
    check_options(name_of_broker(broker), options, brokers, findings_);
    co_return options;
  }

  void look_at_process(const client::Broker& broker) {
    const auto probe = BrokerProbe::find(args_.pid, broker.endpoint);
    if (!probe) return;
    check_process(fmt::format("{}, {} (pid {})", name_of_broker(broker), probe->name(), probe->pid()), probe->limits(), findings_);
  }

  Task<void> look_at_topics() {
    const TimestampMs now = context_.env.clock.wall_ms();
    size_t looked_at = 0;
    const size_t before = findings_.size();
    for (const client::TopicPtr& topic : topics_) {
      if (topic->is_internal) continue;
      if (++looked_at > kTopicsLookedAtMax || context_.stop.stop_requested()) break;
      progress_.show({.what = "topics", .done = looked_at, .total = std::min(topics_.size(), kTopicsLookedAtMax)}, context_.env.executor.now());
      const auto entries = co_await context_.admin.describe_configs({client::ResourceType::kTopic, topic->name}, context_.patience());
      if (!entries) continue;
      Options options;
      for (const client::ConfigEntry& one : *entries) options[one.name] = one.value.value_or("");
      check_topic_options(*topic, options, findings_);
      const bool is_led = std::ranges::all_of(topic->partitions, [](const client::Partition& one) { return one.leader != kNoBroker; });
      if (!is_led) continue;
      const client::Patience patience{Deadline::at(context_.env.executor.now() + kTimestampTimeout), context_.stop};
      const auto youngest = co_await context_.admin.list_offsets(topic->name, {}, client::kMaxTimestamp, patience);
      if (!youngest) {
        add(Severity::kWarning, fmt::format("topic {}", topic->name), fmt::format("the time of its newest record cannot be told: {}", youngest.error().describe()),
            fmt::format("look at its records with weir consume {} --from beginning", topic->name));
        continue;
      }
      TimestampMs most = kNoTimestamp;
      for (const client::PartitionOffset& one : *youngest) most = std::max(most, one.timestamp);
      check_timestamp(topic->name, most, now, findings_);
    }
    if (looked_at > kTopicsLookedAtMax) add(Severity::kWarning, "cluster", fmt::format("only {} of {} topics were looked at", kTopicsLookedAtMax, topics_.size()), "");
    else if (findings_.size() == before) add(Severity::kOk, "cluster", fmt::format("nothing is risky about {} topic{}", looked_at, looked_at == 1 ? "" : "s"));
  }

  void print() const {
    constexpr std::string_view kWords[] = {"ok", "warning", "error"};
    constexpr std::string_view kColours[] = {"\x1b[32m", "\x1b[33m", "\x1b[31m"};
    const bool coloured = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    size_t counts[3] = {};
    for (const Finding& one : findings_) {
      const auto level = static_cast<size_t>(one.severity);
      ++counts[level];
      if (args_.cluster.json) {
        fmt::print("{{\"severity\":\"{}\",\"about\":{},\"what\":{},\"advice\":{}}}\n", kWords[level], json_string(one.about), json_string(one.what), json_string(one.advice));
        continue;
      }
      if (one.severity == Severity::kOk && !args_.all) continue;
      fmt::print("{}{:<8}{} {}: {}\n", coloured ? kColours[level] : "", kWords[level], coloured ? "\x1b[0m" : "", one.about, printable(one.what));
      if (!one.advice.empty()) fmt::print("         {}\n", one.advice);
    }
    if (!args_.cluster.json) fmt::print("{} checks: {} fine, {} warnings, {} errors{}\n", findings_.size(), counts[0], counts[1], counts[2], args_.all || counts[0] == 0 ? "" : " (--all shows what is fine)");
  }

  ClientContext& context_;
  DoctorArgs args_;
  std::vector<client::TopicPtr> topics_;
  std::map<BrokerId, std::string> features_;
  Findings findings_;
  Progress progress_;
};

Task<Result<void>> run_doctor(ClientContext& context, DoctorArgs args) {
  Doctor doctor(context, std::move(args));
  co_return co_await doctor.run();
}

}  // namespace

int doctor(const DoctorArgs& args) { return run_client(args, args.cluster, &run_doctor, OnInterrupt::kStop); }

}  // namespace weir::cli
