// A cluster of brokers to decide for. For *_test.cc files of this folder only.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/prng.h"
#include "weir/metadata/controller/topics.h"
#include "weir/metadata/delta.h"

namespace weir::metadata {

using namespace protocol;

struct SeededRandom final : runtime::Random {
  explicit SeededRandom(uint64_t seed) : prng(seed) {}
  void fill(MutableBytes out) override {
    for (std::byte& b : out) b = static_cast<std::byte>(prng.next());
  }
  Prng prng;
};

// A cluster of brokers 1..n to decide for.
struct Cluster {
  explicit Cluster(int brokers, int racks = 0) {
    std::vector<MetadataRecord> records;
    for (int i = 1; i <= brokers; ++i) {
      RegisterBrokerRecord record;
      record.broker_id = BrokerId(i);
      record.broker_epoch = BrokerEpoch(i);
      record.fenced = false;
      record.log_dirs = {Uuid{1000, static_cast<uint64_t>(i)}};
      record.rack = racks == 0 ? std::nullopt : std::optional(fmt::format("rack-{}", i % racks));
      records.emplace_back(std::move(record));
    }
    apply(records);
  }
  void apply(const std::vector<MetadataRecord>& records) {
    MetadataDelta delta(image);
    for (const MetadataRecord& record : records) {
      const auto applied = delta.apply(record, Offset(0));
      EXPECT_TRUE(applied.has_value()) << applied.error().message();
    }
    image = delta.finish();
  }
  ControllerContext context() { return {*image, fixed, BrokerId(1), random, Offset(77)}; }

  // Decides and applies.
  template <typename Decide, typename Request>
  auto run(Decide decide, const Request& request) {
    auto decision = decide(context(), request);
    apply(decision.records);
    return decision.response;
  }
  ImageRef image = std::make_shared<const MetadataImage>();
  StaticConfig fixed;
  SeededRandom random{1};
};

inline CreateTopicsRequest::CreatableTopic topic(std::string name, int32_t partitions = 1, int16_t factor = 1) {
  CreateTopicsRequest::CreatableTopic wanted;
  wanted.name = std::move(name);
  wanted.num_partitions = partitions;
  wanted.replication_factor = factor;
  return wanted;
}
inline CreateTopicsRequest::CreatableTopic assigned(std::string name, std::vector<std::pair<int32_t, std::vector<int32_t>>> replicas) {
  CreateTopicsRequest::CreatableTopic wanted = topic(std::move(name), -1, -1);
  for (const auto& [index, ids] : replicas) {
    wanted.assignments.push_back({PartitionIndex(index), {}});
    for (const int32_t id : ids) wanted.assignments.back().broker_ids.push_back(BrokerId(id));
  }
  return wanted;
}
inline CreateTopicsRequest::CreatableTopic configured(std::string name, std::string key, std::optional<std::string> value) {
  CreateTopicsRequest::CreatableTopic wanted = topic(std::move(name));
  wanted.configs.push_back({std::move(key), std::move(value)});
  return wanted;
}

}  // namespace weir::metadata
