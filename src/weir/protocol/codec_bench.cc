// Time to decode and encode the messages that every connection sees most.
#include <benchmark/benchmark.h>

#include "weir/protocol/fetch.h"
#include "weir/protocol/frame.h"
#include "weir/protocol/metadata.h"
#include "weir/protocol/produce.h"

namespace weir::protocol {
namespace {

ProduceRequest produce(int partitions) {
  ProduceRequest request{.acks = -1, .timeout_ms = 30000};
  auto& topic = request.topic_data.emplace_back(ProduceRequest::TopicProduceData{.name = "clicks"});
  for (int i = 0; i < partitions; ++i) {
    topic.partition_data.push_back({.index = PartitionIndex(i), .records = Records(SharedBytes::allocate(1100))});
  }
  return request;
}

FetchRequest fetch(int partitions) {
  FetchRequest request{.max_wait_ms = 500, .min_bytes = 1};
  auto& topic = request.topics.emplace_back(FetchRequest::FetchTopic{.topic_id = {1, 2}});
  for (int i = 0; i < partitions; ++i) {
    topic.partitions.push_back({.partition = PartitionIndex(i), .fetch_offset = Offset(i), .partition_max_bytes = 1 << 20});
  }
  return request;
}

FetchResponse fetched(int partitions) {
  FetchResponse response;
  auto& topic = response.responses.emplace_back(FetchResponse::FetchableTopicResponse{.topic_id = {1, 2}});
  for (int i = 0; i < partitions; ++i) {
    topic.partitions.push_back({.partition_index = PartitionIndex(i), .records = Records(SharedBytes::allocate(4096))});
  }
  return response;
}

MetadataResponse metadata(int topics) {
  MetadataResponse response{.cluster_id = "cluster"};
  response.brokers.push_back({.node_id = BrokerId(1), .host = "127.0.0.1", .port = 9092});
  for (int i = 0; i < topics; ++i) {
    auto& topic = response.topics.emplace_back(MetadataResponse::MetadataResponseTopic{.name = "topic-" + std::to_string(i)});
    for (int p = 0; p < 6; ++p) {
      topic.partitions.push_back({.partition_index = PartitionIndex(p),
                                  .leader_id = BrokerId(1),
                                  .leader_epoch = LeaderEpoch(0),
                                  .replica_nodes = {BrokerId(1)},
                                  .isr_nodes = {BrokerId(1)}});
    }
  }
  return response;
}

template <typename T>
void decode_bench(benchmark::State& state, T (*make)(int), int16_t version) {
  FrameWriter out;
  benchmark::DoNotOptimize(encode(out, make(static_cast<int>(state.range(0))), version));
  const SharedBytes body = std::move(out).join();
  for (auto _ : state) benchmark::DoNotOptimize(decode<T>(body, version));
}

template <typename T>
void encode_bench(benchmark::State& state, T (*make)(int), int16_t version) {
  const T message = make(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    FrameWriter out;
    benchmark::DoNotOptimize(encode(out, message, version));
    benchmark::DoNotOptimize(std::move(out).take());
  }
}

BENCHMARK_CAPTURE(decode_bench, produce_request, produce, 11)->Arg(1)->Arg(12);
BENCHMARK_CAPTURE(decode_bench, fetch_request, fetch, 17)->Arg(1)->Arg(12)->Arg(1000);
BENCHMARK_CAPTURE(encode_bench, fetch_response, fetched, 17)->Arg(1)->Arg(12)->Arg(1000);
BENCHMARK_CAPTURE(encode_bench, metadata_response, metadata, 12)->Arg(1)->Arg(100);

}  // namespace
}  // namespace weir::protocol
