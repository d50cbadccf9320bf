// Brokers, the replicas they are given, and producer ids.
#include <algorithm>
#include <map>
#include <set>

#include "weir/metadata/controller/brokers.h"
#include "weir/metadata/controller/controller_fixture_test.h"
#include "weir/metadata/controller/placement.h"

namespace weir::metadata {
namespace {

using testing::ElementsAre;

// Property: leaders, and followers of each leader, spread evenly; no replica twice; racks are not shared while others are
// free. Fails when the stripe does not move on, or starts from the same broker for every partition.
TEST(Placement, spreads_evenly_over_brokers_and_racks) {
  for (const int racks : {0, 2, 3}) {
    for (int brokers = 1; brokers <= 9; ++brokers) {
      for (int factor = 1; factor <= std::min(brokers, 4); ++factor) {
        Cluster cluster(brokers, racks);
        const int count = brokers * 20;
        const auto placed =
            place_replicas(placement_brokers(*cluster.image), count, static_cast<int16_t>(factor), cluster.random);
        ASSERT_TRUE(placed.has_value());
        std::map<BrokerId, int> leaders;
        std::map<BrokerId, int> replicas;
        for (const auto& partition : *placed) {
          ASSERT_EQ(partition.size(), static_cast<size_t>(factor));
          EXPECT_EQ(std::set<BrokerId>(partition.begin(), partition.end()).size(), partition.size());
          ++leaders[partition.front()];
          std::set<std::string> racks_used;
          for (const BrokerId id : partition) {
            ++replicas[id];
            racks_used.insert(cluster.image->broker(id)->rack.value_or(""));
          }
          if (racks > 0) EXPECT_EQ(racks_used.size(), static_cast<size_t>(std::min({factor, racks, brokers})));
        }
        for (int id = 1; id <= brokers; ++id) EXPECT_EQ(leaders[BrokerId(id)], 20);
        const bool even_racks = racks == 0 || brokers % racks == 0;
        for (int id = 1; even_racks && id <= brokers; ++id) {
          EXPECT_NEAR(replicas[BrokerId(id)], 20 * factor, 20 * factor / 2.0)
              << racks << " racks, " << brokers << " brokers, rf " << factor;
        }
      }
    }
  }
}

// Property: a fenced broker is given replicas only where the factor needs it, and leads none.
TEST(Placement, fenced_brokers_are_the_last_resort) {
  Cluster cluster(3);
  cluster.apply({FenceBrokerRecord{BrokerId(2), 2}});
  const auto brokers = placement_brokers(*cluster.image);
  const auto two = place_replicas(brokers, 30, 2, cluster.random);
  for (const auto& partition : *two) EXPECT_EQ(std::ranges::count(partition, BrokerId(2)), 0);
  const auto three = place_replicas(brokers, 30, 3, cluster.random);
  for (const auto& partition : *three) EXPECT_EQ(partition.back(), BrokerId(2));
  cluster.apply({FenceBrokerRecord{BrokerId(1), 1}, FenceBrokerRecord{BrokerId(3), 3}});
  EXPECT_FALSE(place_replicas(placement_brokers(*cluster.image), 1, 1, cluster.random).has_value());
}

// Property: leadership goes to a replica in sync that is alive, and back only where there was none.
TEST(Brokers, fencing_moves_leadership_and_unfencing_gives_it_back) {
  Cluster cluster(2);
  cluster.run(create_topics, CreateTopicsRequest{{assigned("two", {{0, {1, 2}}}), assigned("one", {{0, {1}}})}});
  auto records = set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), true);
  ASSERT_TRUE(records.has_value());
  cluster.apply(*records);
  const Partition* two = cluster.image->topic("two")->partition(PartitionIndex(0));
  EXPECT_EQ(two->leader, BrokerId(2));
  EXPECT_THAT(two->isr, ElementsAre(BrokerId(2)));
  EXPECT_EQ(two->leader_epoch, LeaderEpoch(1));
  const Partition* one = cluster.image->topic("one")->partition(PartitionIndex(0));
  EXPECT_EQ(one->leader, kNoBroker);
  EXPECT_THAT(one->isr, ElementsAre(BrokerId(1))) << "the last in-sync replica stays";
  cluster.apply(*set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), false));
  EXPECT_EQ(cluster.image->topic("one")->partition(PartitionIndex(0))->leader, BrokerId(1));
  EXPECT_EQ(cluster.image->topic("two")->partition(PartitionIndex(0))->leader, BrokerId(2));
  EXPECT_TRUE(set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), false)->empty());
}

// Property: fencing that was applied in part is finished when it is asked for again. Fails when the broker's own flag, which
// comes first, is taken for the whole: partitions would stay without a leader.
TEST(Brokers, fencing_in_parts_is_finished) {
  Cluster cluster(2);
  cluster.run(create_topics, CreateTopicsRequest{{assigned("a", {{0, {1, 2}}}), assigned("b", {{0, {1, 2}}})}});
  for (const bool fenced : {true, false}) {
    const auto all = set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), fenced);
    ASSERT_TRUE(all.has_value());
    cluster.apply({all->front()});
    const auto rest = set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), fenced);
    ASSERT_TRUE(rest.has_value());
    EXPECT_EQ(rest->size(), all->size() - 1);
    cluster.apply(*rest);
    EXPECT_TRUE(set_broker_fenced(cluster.context(), BrokerId(1), BrokerEpoch(1), fenced)->empty());
  }
  for (const char* name : {"a", "b"}) {
    EXPECT_EQ(cluster.image->topic(name)->partition(PartitionIndex(0))->leader, BrokerId(2));
  }
}

// Property: a broker of another cluster, without features or with others' directories is not registered.
TEST(Brokers, registrations_are_checked) {
  Cluster cluster(2);
  cluster.apply({FeatureLevelRecord{"metadata.version", 30}});
  MetadataImage named = *cluster.image;
  named.cluster_id = "c";
  cluster.image = std::make_shared<const MetadataImage>(named);
  BrokerRegistrationRequest good;
  good.broker_id = BrokerId(3);
  good.cluster_id = "c";
  good.features.push_back({"metadata.version", 7, 30});
  good.log_dirs = {Uuid{5, 5}};
  const auto code = [&](auto change) {
    BrokerRegistrationRequest request = good;
    change(request);
    const auto decided = register_broker(cluster.context(), request);
    return decided ? ErrorCode::kNone : decided.error().code();
  };
  EXPECT_EQ(code([](auto&) {}), ErrorCode::kNone);
  EXPECT_EQ(code([](auto& r) { r.cluster_id = "d"; }), ErrorCode::kInconsistentClusterId);
  EXPECT_EQ(code([](auto& r) { r.log_dirs.clear(); }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](auto& r) { r.log_dirs.push_back(r.log_dirs[0]); }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](auto& r) { r.log_dirs = {Uuid{0, 3}}; }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](auto& r) { r.log_dirs = {Uuid{1000, 2}}; }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](auto& r) { r.features.clear(); }), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(code([](auto& r) { r.features[0].max_supported_version = 29; }), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(register_broker(cluster.context(), good)->response, BrokerEpoch(77)) << "the offset of its record";
}

// Property: no producer id is in two blocks, and a broker that is not what it was gets none.
TEST(ProducerIds, blocks_do_not_overlap) {
  Cluster cluster(1);
  EXPECT_EQ(allocate_producer_ids(cluster.context(), BrokerId(1), BrokerEpoch(9)).error().code(), ErrorCode::kStaleBrokerEpoch);
  EXPECT_EQ(allocate_producer_ids(cluster.context(), BrokerId(5), BrokerEpoch(9)).error().code(),
            ErrorCode::kBrokerIdNotRegistered);
  for (int64_t block = 0; block < 3; ++block) {
    auto decision = allocate_producer_ids(cluster.context(), BrokerId(1), BrokerEpoch(1));
    ASSERT_TRUE(decision.has_value());
    EXPECT_EQ(decision->response.first, ProducerId(block * ProducerIdBlock::kCount));
    cluster.apply(decision->records);
  }
}

}  // namespace
}  // namespace weir::metadata
