#include "weir/metadata/service.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/prng.h"
#include "weir/metadata/controller/features.h"
#include "weir/metadata/format.h"
#include "weir/metadata/metadata_version.h"
#include "weir/metadata/records.h"
#include "weir/protocol/alter_configs.h"
#include "weir/protocol/broker_registration.h"
#include "weir/protocol/create_partitions.h"
#include "weir/protocol/create_topics.h"
#include "weir/protocol/delete_topics.h"
#include "weir/protocol/incremental_alter_configs.h"
#include "weir/raft/snapshot.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::metadata {
namespace {

using runtime::Environment;
using runtime::SimNode;
using runtime::SimWorld;
using runtime::Task;
using testing::ElementsAre;
using testing::HasSubstr;

// Checks that what subscribers see is one unbroken chain of images.
struct Follower final : MetadataSubscriber {
  ImageRef last;
  int deltas = 0;
  Task<void> on_metadata(const MetadataDelta& delta, ImageRef image) override {
    if (last != nullptr) {
      EXPECT_EQ(&delta.before(), last.get());
      EXPECT_GT(image->offset, last->offset);
    }
    EXPECT_TRUE(delta.after().same_content(*image));
    last = std::move(image);
    ++deltas;
    co_return;
  }
};

// A formatted directory with its service, in a coroutine under test.
struct Kit {
  explicit Kit(Environment environment) : environment(environment), logs(this->environment) {}
  Environment environment;
  storage::testing::LogKit logs;
  std::unique_ptr<MetadataService> service;

  Task<Result<void>> open(uint64_t snapshot_bytes = 20 << 20) {
    WEIR_CO_TRY(const auto formatted, co_await format(environment, {"/data"}, {"test-cluster", BrokerId(1)}));
    ServiceOptions options;
    options.quorum.dir = "/data";
    options.quorum.node_id = BrokerId(1);
    options.quorum.directory_id = formatted.front().directory_id;
    options.quorum.listeners = {{"CONTROLLER", "localhost", 9093}};
    options.quorum.retention_bytes = 4'000;
    options.cluster_id = "test-cluster";
    options.snapshots.bytes = snapshot_bytes;
    directory_id = formatted.front().directory_id;
    WEIR_CO_TRY(service, co_await MetadataService::open(logs.services(), std::move(options)));
    co_return Result<void>();
  }
  protocol::BrokerRegistrationRequest registration() const {
    protocol::BrokerRegistrationRequest request;
    request.broker_id = BrokerId(1);
    request.cluster_id = "test-cluster";
    request.incarnation_id = Uuid{7, 7};
    request.listeners.push_back({"PLAINTEXT", "localhost", 9092, 0});
    for (const SupportedFeature& feature : supported_features()) {
      request.features.push_back({std::string(feature.name), feature.min, feature.max});
    }
    request.rack.reset();
    request.log_dirs = {directory_id};
    return request;
  }
  // Registered and unfenced.
  Task<Result<BrokerEpoch>> join() {
    WEIR_CO_TRY(const BrokerEpoch epoch, co_await service->register_broker(registration()));
    WEIR_CO_CHECK(co_await service->unfence_broker(BrokerId(1), epoch));
    co_return epoch;
  }
  Uuid directory_id;
};

protocol::CreateTopicsRequest create(std::string name, int32_t partitions = 1, int16_t factor = 1) {
  protocol::CreateTopicsRequest request;
  request.topics.emplace_back();
  request.topics[0].name = std::move(name);
  request.topics[0].num_partitions = partitions;
  request.topics[0].replication_factor = factor;
  return request;
}
protocol::DeleteTopicsRequest erase(std::string name) {
  protocol::DeleteTopicsRequest request;
  request.topics.push_back({std::move(name), kZeroUuid});
  return request;
}
protocol::IncrementalAlterConfigsRequest set_config(ConfigResource resource, std::string key, std::string value) {
  protocol::IncrementalAlterConfigsRequest request;
  request.resources.emplace_back();
  request.resources[0].resource_type = static_cast<int8_t>(resource.type);
  request.resources[0].resource_name = resource.name;
  request.resources[0].configs.push_back({std::move(key), 0, std::move(value)});
  return request;
}

Task<Result<void>> first_steps(Environment environment) {
  Kit kit(environment);
  WEIR_CO_CHECK(co_await kit.open());
  EXPECT_EQ(kit.service->image()->feature_level("metadata.version"), kMetadataVersion);
  EXPECT_EQ(kit.service->image()->features.size(), 1u) << "only what is fully served is published";
  EXPECT_EQ(kit.service->image()->controller_id, BrokerId(1));
  Follower follower;
  co_await kit.service->subscribe(follower);

  WEIR_CO_TRY(const BrokerEpoch epoch, co_await kit.service->register_broker(kit.registration()));
  EXPECT_EQ(kit.service->image()->broker(BrokerId(1))->epoch, epoch);
  EXPECT_EQ(kit.service->image()->offset.value(), epoch.value()) << "the epoch is the offset of the registration";
  EXPECT_FALSE(kit.service->image()->is_alive(BrokerId(1)));
  WEIR_CO_TRY(const auto fenced, co_await kit.service->create_topics(create("early")));
  EXPECT_EQ(fenced.topics.at(0).error_code, ErrorCode::kInvalidReplicationFactor);
  EXPECT_EQ((co_await kit.service->unfence_broker(BrokerId(1), BrokerEpoch(99))).error().code(), ErrorCode::kStaleBrokerEpoch);
  WEIR_CO_CHECK(co_await kit.service->unfence_broker(BrokerId(1), epoch));

  protocol::CreateTopicsRequest request = create("orders", 3);
  request.topics[0].configs.push_back({"retention.ms", "1000"});
  WEIR_CO_TRY(const auto created, co_await kit.service->create_topics(request));
  const auto& result = created.topics.at(0);
  EXPECT_EQ(result.error_code, ErrorCode::kNone) << result.error_message.value_or("");
  EXPECT_EQ(result.num_partitions, 3);
  EXPECT_EQ(result.replication_factor, 1);
  EXPECT_EQ(result.configs->size(), 34u);
  const Topic* topic = kit.service->image()->topic("orders");
  EXPECT_EQ(topic->id, result.topic_id);
  EXPECT_EQ(topic->partition(PartitionIndex(2))->leader, BrokerId(1));
  EXPECT_THAT(topic->partition(PartitionIndex(2))->directories, ElementsAre(kit.directory_id));
  EXPECT_EQ(*kit.service->image()->topic_config("orders").find("retention.ms"), "1000");
  EXPECT_EQ(follower.last, kit.service->image());

  WEIR_CO_TRY(const ProducerIdBlock first, co_await kit.service->allocate_producer_ids(BrokerId(1), epoch));
  WEIR_CO_TRY(const ProducerIdBlock second, co_await kit.service->allocate_producer_ids(BrokerId(1), epoch));
  EXPECT_EQ(second.first - first.first, ProducerIdBlock::kCount);

  const raft::QuorumDescription quorum = kit.service->quorum();
  EXPECT_EQ(quorum.leader, BrokerId(1));
  EXPECT_EQ(quorum.kraft_version, raft::kKraftVersionMax);
  EXPECT_EQ(quorum.high_watermark, kit.service->image()->offset.next());
  EXPECT_EQ(quorum.voters.at(0).directory_id, kit.directory_id);
  EXPECT_EQ(quorum.voter_set.at(0).endpoints.at(0).port, 9093);

  kit.service->unsubscribe(follower);
  WEIR_CO_CHECK(co_await kit.service->stop());
  EXPECT_EQ((co_await kit.service->create_topics(create("late"))).error().code(), ErrorCode::kUnavailable);
  co_return Result<void>();
}

// Property: a fresh node registers, creates, answers what Kafka answers, and nothing after it stopped.
TEST(MetadataService, registers_creates_and_answers) {
  SimWorld world(1);
  SimNode& node = world.add_node("node");
  const auto done = world.run(node, first_steps(node.environment()));
  EXPECT_TRUE(done.has_value()) << done.error().describe();
}

// Creates many topics at once: decisions follow each other without waiting for the disk, names still cannot collide.
Task<void> create_one(Kit* kit, std::string name, int* good, int* bad) {
  const auto made = co_await kit->service->create_topics(create(std::move(name)));
  EXPECT_TRUE(made.has_value());
  const bool created = made.has_value() && made->topics.at(0).error_code == ErrorCode::kNone;
  ++(created ? *good : *bad);
}
Task<Result<void>> storm(Environment environment) {
  Kit kit(environment);
  WEIR_CO_CHECK(co_await kit.open(2'000));
  WEIR_CO_CHECK(co_await kit.join());
  Follower follower;
  co_await kit.service->subscribe(follower);
  int good = 0;
  int bad = 0;
  {
    runtime::TaskGroup group(kit.environment.executor);
    for (int i = 0; i < 200; ++i) group.spawn(create_one, &kit, fmt::format("t{}", i % 120), &good, &bad);
    WEIR_CO_CHECK(co_await group.join());
  }
  EXPECT_EQ(good, 120);
  EXPECT_EQ(bad, 80);
  EXPECT_EQ(kit.service->image()->topics_by_name.size(), 120u);
  EXPECT_LT(follower.deltas, 130) << "changes committed together may be published together";
  kit.service->unsubscribe(follower);
  co_return co_await kit.service->stop();
}
// Property: of changes asked for at the same time each sees those before it, and many share one published image.
TEST(MetadataService, concurrent_changes_are_decided_one_after_another) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SimWorld world(seed);
    SimNode& node = world.add_node("node");
    const auto done = world.run(node, storm(node.environment()));
    EXPECT_TRUE(done.has_value()) << done.error().describe();
  }
}

// --- random lives -----------------------------------------------------------------------------------------------------------

struct Memory {
  ImageRef acknowledged;            // after the last answer
  std::set<std::string> in_flight;  // topics the unanswered change is about
  int crashes_seen = 0;
  int snapshots_seen = 0;
};

// The state as text without what an unanswered change may have done, and without epochs that differ per life.
std::string stable_text(const MetadataImage& image, const std::set<std::string>& without) {
  MetadataImage copy = image;
  copy.brokers = {};
  copy.next_producer_id = ProducerId(0);
  for (const std::string& name : without) {
    if (const TopicRef* topic = copy.topics_by_name.find(name)) {
      const Uuid id = (*topic)->id;
      copy.topics_by_id.erase(id);
      copy.topics_by_name.erase(name);
    }
    copy.configs.erase(ConfigResource{ConfigResourceType::kTopic, name});
  }
  std::string text;
  for (const MetadataRecord& record : records_of(copy)) {
    const auto bytes = encode_record(record, kMetadataVersion);
    text += std::string(as_text(*bytes)) + "\n";
  }
  return text;
}

Task<Result<void>> random_change(Kit& kit, Prng& random, Memory* memory) {
  const std::string name = fmt::format("topic-{}", random.below(12));
  memory->in_flight = {name};
  switch (random.below(5)) {
    case 0:
    case 1: WEIR_CO_CHECK(co_await kit.service->create_topics(create(name, static_cast<int32_t>(random.between(-1, 6))))); break;
    case 2: WEIR_CO_CHECK(co_await kit.service->delete_topics(erase(name))); break;
    case 3: {
      protocol::CreatePartitionsRequest request;
      request.topics.emplace_back();
      request.topics[0].name = name;
      request.topics[0].count = static_cast<int32_t>(random.between(0, 9));
      request.topics[0].assignments.reset();
      WEIR_CO_CHECK(co_await kit.service->create_partitions(request));
      break;
    }
    default: {
      const std::string value = std::to_string(random.below(5) * 1000);
      WEIR_CO_CHECK(co_await kit.service->incremental_alter_configs(
          set_config({ConfigResourceType::kTopic, name}, random.chance(50) ? "retention.ms" : "flush.ms", value)));
    }
  }
  memory->in_flight.clear();
  memory->acknowledged = kit.service->image();
  co_return Result<void>();
}

Task<Result<void>> random_life(Environment environment, uint64_t seed, Memory* memory) {
  Kit kit(environment);
  WEIR_CO_CHECK(co_await kit.open(1'500));
  if (memory->acknowledged != nullptr) {
    EXPECT_GE(kit.service->image()->offset, memory->acknowledged->offset);
    EXPECT_EQ(stable_text(*kit.service->image(), memory->in_flight), stable_text(*memory->acknowledged, memory->in_flight))
        << seed;
    EXPECT_GE(kit.service->image()->next_producer_id, memory->acknowledged->next_producer_id);
  }
  memory->in_flight.clear();
  memory->acknowledged = kit.service->image();
  WEIR_CO_TRY(const BrokerEpoch epoch, co_await kit.join());
  WEIR_CO_CHECK(co_await kit.service->allocate_producer_ids(BrokerId(1), epoch));
  memory->acknowledged = kit.service->image();
  Prng random(seed);
  for (int i = 0; i < 60; ++i) WEIR_CO_CHECK(co_await random_change(kit, random, memory));
  WEIR_CO_TRY(const auto entries, co_await environment.disk.list("/data/__cluster_metadata-0"));
  for (const auto& entry : entries) memory->snapshots_seen += raft::parse_snapshot_file_name(entry.name) ? 1 : 0;
  co_return co_await kit.service->stop();
}

// Property: after any sequence of changes, crashes and snapshots the image is what was answered, but for the one change that
// was under way. Fails when a change is answered before it is durable, when a snapshot and the log after it disagree with
// the log alone, or when replay applies a record otherwise than the first time.
TEST(MetadataService, image_survives_crashes_and_snapshots) {
  Memory total;
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    SimWorld world(seed);
    SimNode& node = world.add_node("node");
    Memory memory;
    Prng random(seed);
    for (uint64_t life = 0; life < 5; ++life) {
      if (random.chance(75)) {
        world.at(std::chrono::microseconds(random.below(120'000)), [&] {
          if (node.is_up()) world.crash(node);
        });
      }
      const auto finished = world.try_run(node, random_life(node.environment(), seed * 10 + life, &memory), 120s);
      if (!finished) ++memory.crashes_seen;
      if (finished) {
        EXPECT_TRUE(finished->has_value()) << (finished->has_value() ? "" : finished->error().describe()) << " seed " << seed;
      }
      world.run_for(1s);
      if (node.is_up()) world.crash(node);
      world.restart(node);
    }
    total.crashes_seen += memory.crashes_seen;
    total.snapshots_seen += memory.snapshots_seen;
  }
  EXPECT_GT(total.crashes_seen, 20);
  EXPECT_GT(total.snapshots_seen, 20);
}

// --- formatting and refusing ------------------------------------------------------------------------------------------------

// A formatted directory whose cluster will have `feature` at `level`.
Task<Result<void>> format_with(Environment environment, std::string feature, int16_t level) {
  WEIR_CO_TRY(const auto formatted, co_await format(environment, {"/data"}, {"test-cluster", BrokerId(1)}));
  raft::SnapshotContent content;
  content.last_timestamp = 0;
  std::vector<MetadataRecord> records;
  if (feature != "metadata.version") records.emplace_back(protocol::FeatureLevelRecord{"metadata.version", 30});
  records.emplace_back(protocol::FeatureLevelRecord{feature, level});
  WEIR_CO_TRY(content.values, encode_records(records, 30));
  co_return co_await raft::write_snapshot_file(environment.disk, "/data", "bootstrap.checkpoint", std::move(content),
                                               LeaderEpoch(0), 0);
}
Task<Result<void>> open_with(Environment environment, std::string feature, int16_t level) {
  WEIR_CO_CHECK(co_await format_with(environment, std::move(feature), level));
  Kit kit(environment);
  co_return co_await kit.open();
}

// Property: a directory with features that are not fully served is refused with a sentence that names the feature.
TEST(MetadataService, refuses_features_it_does_not_serve) {
  const std::tuple<const char*, int16_t, const char*> cases[] = {
      {"metadata.version", 31, "metadata.version 31"},
      {"metadata.version", 6, "metadata.version 6"},
      {"transaction.version", 2, "transaction.version"},
      {"group.version", 1, "group.version"},
      {"share.version", 1, "share.version"},
      {"somebody.elses", 3, "somebody.elses"},
  };
  uint64_t seed = 0;
  for (const auto& [feature, level, words] : cases) {
    SimWorld world(++seed);
    SimNode& node = world.add_node("node");
    const auto opened = world.run(node, open_with(node.environment(), feature, level));
    ASSERT_FALSE(opened.has_value()) << feature;
    EXPECT_EQ(opened.error().code(), ErrorCode::kUnsupportedFeature);
    EXPECT_THAT(opened.error().message(), HasSubstr(words));
  }
}

Task<Result<void>> live_at_level(Environment environment, int16_t level) {
  for (int life = 0; life < 2; ++life) {
    if (life == 0) {
      WEIR_CO_CHECK(co_await format_with(environment, "metadata.version", level));
    }
    Kit kit(environment);
    WEIR_CO_CHECK(co_await kit.open());
    EXPECT_EQ(kit.service->image()->feature_level("metadata.version"), level);
    WEIR_CO_CHECK(co_await kit.join());
    WEIR_CO_TRY(const auto created, co_await kit.service->create_topics(create(fmt::format("t{}", life), 2)));
    EXPECT_EQ(created.topics.at(0).error_code, ErrorCode::kNone) << created.topics.at(0).error_message.value_or("");
    WEIR_CO_TRY(const raft::SnapshotId snapshot, co_await kit.service->snapshot());
    EXPECT_EQ(snapshot.end, kit.service->image()->offset.next());
    EXPECT_EQ(kit.service->image()->topics_by_name.size(), static_cast<size_t>(life + 1));
    const auto& directories = kit.service->image()->topic("t0")->partition(PartitionIndex(1))->directories;
    EXPECT_THAT(directories, ElementsAre(level < kLevelDirectories ? kDirectoryMigrating : kit.directory_id));
    WEIR_CO_CHECK(co_await kit.service->stop());
  }
  co_return Result<void>();
}

// Property: a cluster of every metadata.version that we say we serve can be lived in: brokers register, topics are created,
// snapshots are written and read. Fails when a record is given a field that its version at that level has no place for.
TEST(MetadataService, lives_at_every_level_that_it_serves) {
  for (int16_t level = kMetadataVersionMin; level <= kMetadataVersion; ++level) {
    SimWorld world(static_cast<uint64_t>(level));
    SimNode& node = world.add_node("node");
    const auto done = world.run(node, live_at_level(node.environment(), level));
    EXPECT_TRUE(done.has_value()) << level << ": " << done.error().describe();
  }
}

Task<Result<void>> format_twice(Environment environment) {
  WEIR_CO_TRY(const auto first, co_await format(environment, {"/a"}, {"", BrokerId(3)}));
  WEIR_CO_TRY(const auto second, co_await format(environment, {"/a", "/b"}, {"", BrokerId(3)}));
  EXPECT_EQ(second.at(0).directory_id, first.at(0).directory_id);
  EXPECT_EQ(second.at(1).cluster_id, first.at(0).cluster_id);
  EXPECT_NE(second.at(1).directory_id, first.at(0).directory_id);
  EXPECT_EQ((co_await format(environment, {"/a"}, {"other", BrokerId(3)})).error().code(), ErrorCode::kInconsistentClusterId);
  EXPECT_EQ((co_await format(environment, {"/a"}, {"", BrokerId(4)})).error().code(), ErrorCode::kInvalidConfig);
  co_return Result<void>();
}
// Property: formatting again changes no directory that is formatted, gives new ones the same cluster, and refuses another's.
TEST(Format, keeps_what_is_formatted) {
  SimWorld world(1);
  SimNode& node = world.add_node("node");
  const auto done = world.run(node, format_twice(node.environment()));
  EXPECT_TRUE(done.has_value()) << done.error().describe();
}

}  // namespace
}  // namespace weir::metadata
