// Deletes records while others write and read, and checks what it is told.
#include <algorithm>

#include "weir/protocol/delete_records.h"
#include "weir/protocol/list_offsets.h"
#include "weir/runtime/sim/core.h"
#include "workload_inner.h"

namespace weir::sim {

using runtime::Environment;
using runtime::Task;

namespace {

constexpr Duration kBetweenDeletionsMean = 900ms;
constexpr int32_t kDeleteTimeoutMs = 5000;
constexpr int64_t kEarliest = -2;
constexpr int64_t kBeyondTheEndMax = 2;  // an offset that is not there yet is refused
constexpr int64_t kNearTheEndMax = 8;

int64_t draw_target(Prng& draw, const LogHistory& history) {
  const int64_t end = history.known_end();
  switch (draw.below(5)) {
    case 0: return LogHistory::kEverything;
    case 1: return std::max<int64_t>(history.start_floor() - draw.between(0, 3), 0);  // deleted already: changes nothing
    case 2: return draw.between(history.start_floor(), std::max(end, history.start_floor()) + kBeyondTheEndMax);
    default: return std::max(end - draw.between(0, kNearTheEndMax), history.start_floor());
  }
}

}  // namespace

Task<Result<int64_t>> start_of(WireClient* client, Topic* topic, PartitionIndex partition) {
  client->raise(protocol::ApiKey::kListOffsets, 1);
  protocol::ListOffsetsRequest request;
  request.replica_id = BrokerId(-1);
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic->name;
  wanted.partitions.push_back({.partition_index = partition, .timestamp = kEarliest});
  WEIR_CO_TRY(const auto answer, co_await client->call(std::move(request)));
  if (answer.topics.size() != 1 || answer.topics[0].partitions.size() != 1) {
    co_return fail(ErrorCode::kMalformedFrame, "ListOffsets: not the partition that was asked for");
  }
  const auto& found = answer.topics[0].partitions[0];
  if (found.error_code != ErrorCode::kNone) co_return fail(found.error_code, fmt::format("the start of partition {}", partition));
  co_return found.offset.value();
}

Task<void> delete_from_broker(Environment env, Topic* topic, Trimmer* trimmer) {
  Prng draw(env.random.word());
  std::unique_ptr<WireClient> client;
  Uuid topic_id;
  while (!trimmer->stop) {
    const Result<void> slept = co_await sleep_until(env.executor, env.executor.now() + runtime::sample_delay(draw, 0ns, kBetweenDeletionsMean));
    WEIR_ASSERT(slept.has_value());
    if (trimmer->stop) break;
    if (client == nullptr) client = co_await connect_to_topic(env, topic, "trimmer", &topic_id);
    if (client == nullptr) continue;
    const auto index = static_cast<size_t>(draw.below(topic->partitions.size()));
    LogHistory& history = *topic->partitions[index];
    const int64_t target = draw_target(draw, history);
    const int64_t start_floor = history.start_floor();
    const int64_t known_end = history.known_end();
    protocol::DeleteRecordsRequest request;
    request.timeout_ms = kDeleteTimeoutMs;
    auto& wanted = request.topics.emplace_back();
    wanted.name = topic->name;
    wanted.partitions.push_back({.partition_index = PartitionIndex(static_cast<int32_t>(index)), .offset = Offset(target)});
    history.deletion_tried(target);
    const auto answer = co_await client->call(std::move(request));
    if (!answer) {
      if (is_wire_failure(answer.error())) topic->violate("wire", answer.error().describe());
      client.reset();
      continue;
    }
    if (answer->topics.size() != 1 || answer->topics[0].partitions.size() != 1) {
      topic->violate("wire", "a DeleteRecords response without the partition that was asked for");
      continue;
    }
    const auto& done = answer->topics[0].partitions[0];
    env.log.debug("delete partition {} below {}: {} {}", index, target, name_of(done.error_code), done.low_watermark);
    switch (done.error_code) {
      case ErrorCode::kNone:
        history.deleted(target, done.low_watermark, start_floor);
        if (done.low_watermark > start_floor) trimmer->reached("broker: records were deleted");
        if (target == LogHistory::kEverything) trimmer->reached("broker: everything was deleted");
        break;
      case ErrorCode::kOffsetOutOfRange:
        // What was acknowledged, or read, is below the high watermark.
        if (target <= known_end) {
          topic->violate("delete-error", fmt::format("partition {}: offset {} is refused, and {} was there", index, target, known_end - 1));
        }
        break;
      case ErrorCode::kKafkaStorageError:
        if (topic->on_storage_error) topic->on_storage_error();
        client.reset();
        break;
      default:
        if (!is_retriable(done.error_code)) topic->violate("delete-error", std::string(name_of(done.error_code)));
        client.reset();
    }
  }
  trimmer->stopped = true;
}

}  // namespace weir::sim
