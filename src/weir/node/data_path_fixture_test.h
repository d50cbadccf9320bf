// For tests that produce and fetch over the wire against the whole broker on the simulator.
#pragma once

#include <gtest/gtest.h>

#include "weir/node/broker_fixture_test.h"
#include "weir/protocol/incremental_alter_configs.h"
#include "weir/record/batches.h"

namespace weir::node {

using protocol::FetchRequest;
using protocol::FetchResponse;
using protocol::ProduceRequest;
using protocol::ProduceResponse;

constexpr int16_t kByName = 12;  // the newest versions of Fetch and Produce that name topics
constexpr int16_t kProduceByName = 12;

using ProducedPartition = ProduceResponse::PartitionProduceResponse;
using FetchedPartition = FetchResponse::PartitionData;

class DataPath : public testing::Test {
 protected:
  void begin(uint64_t seed, SimBroker::Adjust adjust = {}, runtime::SimOptions sim = SimBroker::quiet()) {
    broker_ = std::make_unique<SimBroker>(seed, sim, std::move(adjust));
    ASSERT_TRUE(broker_->start()) << broker_->outcome().error().describe();
    prng_ = Prng(seed);
  }
  SimBroker& broker() { return *broker_; }
  runtime::SimDiskOptions& disk() { return broker_->machine.disk().options(); }
  Duration since(MonoTime then) const { return broker_->world.now() - then; }

  // The answer for the one partition asked for; an error code of the connection's own when there is none.
  static ProducedPartition produced(const Result<ProduceResponse>& response) {
    if (!response) return {.error_code = response.error().code(), .base_offset = kNoOffset};
    return response->responses.at(0).partition_responses.at(0);
  }
  ProducedPartition produce(Wire& wire, const std::string& topic, const std::vector<std::string>& values, int16_t acks = -1,
                            int32_t timeout_ms = 30'000) {
    return produced(wire.call(SimBroker::produce(topic, broker_->batch(values), acks, timeout_ms), kProduceByName));
  }
  static FetchedPartition fetched(const Result<FetchResponse>& response, size_t topic = 0) {
    FetchedPartition none;
    none.error_code = response ? ErrorCode::kNone : response.error().code();
    if (!response || response->responses.size() <= topic) return none;
    return response->responses[topic].partitions.at(0);
  }
  // The values of all records, batches whole. "?" stands for bytes that are no whole batches.
  static std::vector<std::string> values(const FetchedPartition& partition) {
    std::vector<std::string> all;
    const SharedBytes bytes = partition.records.joined();
    ByteView rest = bytes;
    codec::Codecs codecs;
    Bytes scratch;
    while (!rest.empty()) {
      const Result<record::BatchView> batch = record::BatchView::parse(rest);
      if (!batch || !batch->crc_matches()) return {"?"};
      const auto records = record::read_records(*batch, codecs, 1 << 20, scratch);
      if (!records) return {"?"};
      for (const record::Record& record : *records) all.emplace_back(as_text(*record.value));
      rest = rest.subspan(batch->size_bytes());
    }
    return all;
  }
  std::vector<std::string> read_all(const std::string& topic) {
    Wire wire = broker_->connect();
    std::vector<std::string> all;
    Offset at{0};
    for (;;) {
      const FetchedPartition some = fetched(wire.call(SimBroker::fetch(topic, at, 0), kByName));
      EXPECT_EQ(some.error_code, ErrorCode::kNone) << name_of(some.error_code);
      const std::vector<std::string> values = DataPath::values(some);
      if (values.empty()) return all;
      all.insert(all.end(), values.begin(), values.end());
      at = Offset(static_cast<int64_t>(all.size()));
    }
  }
  ErrorCode configure(const std::string& topic, const std::string& name, std::optional<std::string> value) {
    Wire wire = broker_->connect();
    protocol::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = 2;
    resource.resource_name = topic;
    resource.configs.push_back({.name = name, .config_operation = static_cast<int8_t>(value ? 0 : 1), .value = value});
    const auto answer = wire.call(request, 1);
    return answer ? answer->responses.at(0).error_code : answer.error().code();
  }

  std::unique_ptr<SimBroker> broker_;
  Prng prng_{0};
};

}  // namespace weir::node
