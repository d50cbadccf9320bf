// A broker's metadata, partitions and groups on the simulator, without a wire. For *_test.cc files of this module only.
#pragma once

#include <memory>

#include <gtest/gtest.h>

#include "weir/coordinator/group_coordinator.h"
#include "weir/metadata/controller/features.h"
#include "weir/metadata/format.h"
#include "weir/protocol/broker_registration.h"
#include "weir/protocol/create_topics.h"
#include "weir/protocol/delete_topics.h"
#include "weir/runtime/sim/world.h"

namespace weir::coordinator {

inline constexpr BrokerId kSelf{1};

// Lives in the coroutine under test; close() before its end.
struct CoordinatorKit {
  explicit CoordinatorKit(runtime::Environment environment) : environment(environment) {}

  Task<Result<void>> open(Options with = quick_options()) {
    options = std::move(with);
    WEIR_CO_TRY(const auto formatted, co_await metadata::format(environment, {"/data"}, {"", kSelf}));
    WEIR_CO_TRY(logs, co_await storage::LogManager::open(environment, {.dirs = {"/data"}, .node_id = kSelf}));
    metadata::ServiceOptions service;
    service.quorum.dir = "/data";
    service.quorum.node_id = kSelf;
    service.quorum.directory_id = formatted.front().directory_id;
    service.cluster_id = formatted.front().cluster_id;
    WEIR_CO_TRY(this->metadata, co_await metadata::MetadataService::open(logs->services(), std::move(service)));
    WEIR_CO_CHECK(co_await logs->load());
    partitions = std::make_unique<replication::PartitionManager>(environment, *logs, metadata::StaticConfig(), kSelf);
    protocol::BrokerRegistrationRequest request;
    request.broker_id = kSelf;
    request.cluster_id = formatted.front().cluster_id;
    request.incarnation_id = environment.random.uuid();
    for (const auto& feature : metadata::supported_features()) {
      request.features.push_back({std::string(feature.name), feature.min, feature.max});
    }
    request.rack.reset();
    request.log_dirs = {formatted.front().directory_id};
    WEIR_CO_TRY(const BrokerEpoch epoch, co_await this->metadata->register_broker(std::move(request)));
    co_await this->metadata->subscribe(*partitions);
    WEIR_CO_CHECK(co_await this->metadata->unfence_broker(kSelf, epoch));
    groups = make_groups();
    co_await this->metadata->subscribe(*groups);
    co_return Result<void>();
  }
  std::unique_ptr<GroupCoordinator> make_groups() {
    metrics = std::make_unique<MetricRegistry>();
    return std::make_unique<GroupCoordinator>(environment, *metadata, *partitions, codecs, *metrics, kSelf, options);
  }
  Task<void> stop_groups() {
    metadata->unsubscribe(*groups);
    groups->resign();
    co_await groups->stop();
    groups.reset();
  }
  Task<Result<void>> close() {
    if (groups != nullptr) co_await stop_groups();
    metadata->unsubscribe(*partitions);
    WEIR_CO_CHECK(co_await metadata->stop());
    partitions->retire_all(ErrorCode::kNotLeaderOrFollower);
    co_return co_await logs->close(kNoBrokerEpoch);
  }

  Task<Uuid> create_topic(std::string name) {
    protocol::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = std::move(name);
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    const auto created = co_await metadata->create_topics(std::move(request));
    EXPECT_TRUE(created.has_value());
    co_return created->topics.at(0).topic_id;
  }
  Task<void> delete_topic(std::string name) {
    protocol::DeleteTopicsRequest request;
    request.topics.push_back({std::move(name), kZeroUuid});
    const auto deleted = co_await metadata->delete_topics(std::move(request));
    EXPECT_TRUE(deleted.has_value());
  }
  static Commit position(std::string group, std::string topic, Uuid topic_id, int64_t offset) {
    Commit commit{.group = std::move(group)};
    CommittedOffset committed{.offset = Offset(offset), .commit_time = 1, .topic_id = topic_id};
    commit.changes.push_back({{std::move(topic), PartitionIndex(0)}, std::move(committed)});
    return commit;
  }
  // One member that joins an empty group and leads it.
  static group::Join newcomer() {
    group::Join event;
    event.client_id = "c";
    event.client_host = "h";
    event.session_timeout_ms = 30'000;
    event.rebalance_timeout_ms = 60'000;
    event.protocol_type = "consumer";
    event.protocols.push_back({"range", SharedBytes::copy_of(as_bytes("m"))});
    return event;
  }
  MonoTime now() const { return environment.executor.now(); }
  Task<void> pause(Duration time) { (void)co_await runtime::sleep_until(environment.executor, now() + time); }

  static Options quick_options() {
    Options options;
    options.rules.initial_delay_ms = 0;
    options.topic_partitions = 1;
    return options;
  }

  runtime::Environment environment;
  Options options;
  codec::Codecs codecs;
  std::unique_ptr<MetricRegistry> metrics;
  std::unique_ptr<storage::LogManager> logs;
  std::unique_ptr<metadata::MetadataService> metadata;
  std::unique_ptr<replication::PartitionManager> partitions;
  std::unique_ptr<GroupCoordinator> groups;
};

// Runs `body(CoordinatorKit&, SimNode&)` on an open kit.
template <typename Body>
void with_coordinator(Body body) {
  runtime::SimOptions options;
  options.log_level = LogLevel::kError;
  runtime::SimWorld world(1, options);
  runtime::SimNode& node = world.add_node("broker");
  const auto run = [](runtime::Environment environment, runtime::SimNode* node, Body* body) -> Task<Result<void>> {
    CoordinatorKit kit(environment);
    WEIR_CO_CHECK(co_await kit.open());
    EXPECT_TRUE((co_await kit.groups->coordinator_of("any")).has_value());
    co_await kit.pause(1s);
    co_await (*body)(kit, *node);
    co_return co_await kit.close();
  };
  const auto done = world.run(node, run(node.environment(), &node, &body));
  EXPECT_TRUE(done.has_value()) << done.error().describe();
}

}  // namespace weir::coordinator
