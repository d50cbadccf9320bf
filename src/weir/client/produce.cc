#include "weir/client/produce.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/protocol/init_producer_id.h"

namespace weir::client {

Task<Result<ProducerIdentity>> new_producer_identity(Cluster& cluster, Patience patience) {
  for (int attempt = 0;; ++attempt) {
    protocol::InitProducerIdRequest request;
    request.transactional_id.reset();
    request.transaction_timeout_ms = INT32_MAX;
    const auto answer = co_await cluster.call_any(std::move(request), cluster.one_attempt(patience));
    const ErrorCode code = answer ? answer->error_code : answer.error().code();
    if (code == ErrorCode::kNone) co_return ProducerIdentity{answer->producer_id, answer->producer_epoch};
    if (reaction_to(code) == Reaction::kFail) {
      if (!answer) co_return fail(answer.error());
      co_return fail(code, fmt::format("the broker gives no producer id: {}", name_of(code)));
    }
    WEIR_CO_CHECK(co_await cluster.back_off(attempt, Error(code), patience));
  }
}

Task<Result<std::vector<ProducedPartition>>> produce(ConnectionPtr leader, TopicPtr topic, std::vector<ReadyBatch> batches, int16_t acks,
                                                     Patience patience) {
  const int16_t version_max = topic->id.is_zero() ? kProduceTopicIdVersion - 1 : INT16_MAX;
  WEIR_CO_TRY(const int16_t version, leader->version_of(protocol::ApiKey::kProduce, version_max));
  protocol::ProduceRequest request;
  request.acks = acks;
  request.timeout_ms = 30'000;
  auto& of = request.topic_data.emplace_back();
  if (version >= kProduceTopicIdVersion) of.topic_id = topic->id;
  else of.name = topic->name;
  std::vector<ProducedPartition> told;
  for (ReadyBatch& batch : batches) {
    told.push_back({.index = batch.partition, .error_code = acks == 0 ? ErrorCode::kNone : ErrorCode::kUnknownTopicOrPartition, .base_offset = kNoOffset});
    of.partition_data.push_back({.index = batch.partition, .records = protocol::Records(std::move(batch.bytes))});
  }
  if (acks == 0) {
    WEIR_CO_CHECK(co_await leader->post(std::move(request), patience, version_max));
    co_return told;
  }
  WEIR_CO_TRY(auto answer, co_await leader->call(std::move(request), patience, version_max));
  size_t next = 0;
  for (auto& answered : answer.responses) {
    for (ProducedPartition& row : answered.partition_responses) {
      // In the order asked, as every broker does; looked for otherwise.
      if (next >= told.size() || told[next].index != row.index) {
        next = static_cast<size_t>(std::ranges::find(told, row.index, &ProducedPartition::index) - told.begin());
      }
      if (next < told.size()) told[next++] = std::move(row);
    }
  }
  co_return told;
}

}  // namespace weir::client
