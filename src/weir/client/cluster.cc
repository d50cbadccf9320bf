#include "weir/client/cluster.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::client {

namespace {

rpc::PoolOptions pool_options(const ClientOptions& options) {
  rpc::PoolOptions pool;
  pool.connection.client_id = options.client_id;
  return pool;
}

}  // namespace

Cluster::Cluster(runtime::Environment env, ClientOptions options)
    : env_(env), options_(std::move(options)), pool_(env, pool_options(options_)) {
  WEIR_ASSERT(!options_.bootstrap.empty());
}

Patience Cluster::one_attempt(Patience patience) const {
  patience.deadline.when = std::min(patience.deadline.when, env_.executor.now() + options_.request_timeout);
  return patience;
}

Task<Result<void>> Cluster::back_off(int attempt, Error why, Patience patience) {
  const MonoTime until = env_.executor.now() + rpc::jittered(options_.retry_backoff.after(attempt + 1), env_.random);
  // The last word is what went wrong, not that time ran out.
  if (until >= patience.deadline.when) co_return fail(ErrorCode::kDeadlineExceeded, why.message().empty() ? why.describe() : why.message());
  co_return co_await sleep_until(env_.executor, until, patience.stop);
}

Task<Result<ConnectionPtr>> Cluster::any_broker(Patience patience) {
  // Known brokers first; the bootstrap list again when none of them answers.
  std::vector<runtime::Endpoint> candidates;
  for (size_t i = 0; i < brokers_.size(); ++i) candidates.push_back(brokers_[(next_broker_ + i) % brokers_.size()].endpoint);
  for (const runtime::Endpoint& endpoint : options_.bootstrap) {
    if (std::ranges::find(candidates, endpoint) == candidates.end()) candidates.push_back(endpoint);
  }
  std::optional<Error> first;
  for (const runtime::Endpoint& endpoint : candidates) {
    auto connection = co_await pool_.connection(endpoint, rpc::Lane::kQuick, patience);
    if (connection) co_return connection;
    if (!is_transport_failure(connection.error().code())) co_return connection;
    if (!first) first = connection.error();
    ++next_broker_;
  }
  co_return fail(*first);
}

Task<Result<ConnectionPtr>> Cluster::broker(BrokerId id, rpc::Lane lane, Patience patience) {
  const auto known = std::ranges::find(brokers_, id, &Broker::id);
  if (known == brokers_.end()) co_return fail(ErrorCode::kBrokerNotAvailable, fmt::format("broker {} is not known to the cluster", id));
  co_return co_await pool_.connection(known->endpoint, lane, patience);
}

Task<Result<protocol::MetadataResponse>> Cluster::ask(std::optional<std::vector<std::string>> names, Patience patience) {
  protocol::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (names) {
    for (std::string& name : *names) request.topics->push_back({.name = std::move(name)});
  } else {
    request.topics.reset();
  }
  WEIR_CO_TRY(protocol::MetadataResponse answer, co_await call_any(std::move(request), patience));
  if (answer.error_code != ErrorCode::kNone) co_return fail(answer.error_code);
  learn_brokers(answer);
  co_return answer;
}

void Cluster::learn_brokers(const protocol::MetadataResponse& answer) {
  cluster_id_ = answer.cluster_id.value_or("");
  controller_ = answer.controller_id;
  if (answer.brokers.empty()) return;
  brokers_.clear();
  for (const auto& broker : answer.brokers) {
    brokers_.push_back({broker.node_id, {broker.host, static_cast<uint16_t>(broker.port)}, broker.rack});
  }
  std::ranges::sort(brokers_, {}, &Broker::id);
}

const Partition* Topic::partition(PartitionIndex index) const {
  const auto found = std::ranges::lower_bound(partitions, index, {}, &Partition::index);
  return found == partitions.end() || found->index != index ? nullptr : &*found;
}

TopicPtr Cluster::learn(const protocol::MetadataResponse::MetadataResponseTopic& heard) {
  auto topic = std::make_shared<Topic>();
  topic->name = heard.name.value_or("");
  topic->id = heard.topic_id;
  topic->is_internal = heard.is_internal;
  topic->asked = env_.executor.now();
  const auto before = topics_.find(topic->name);
  for (const auto& partition : heard.partitions) {
    Partition made{partition.partition_index, partition.leader_id, partition.leader_epoch, partition.replica_nodes, partition.isr_nodes,
                   partition.offline_replicas};
    // A broker that lags may tell of a leader we know to be gone.
    if (before != topics_.end() && before->second->id == topic->id) {
      const Partition* const old = before->second->partition(made.index);
      if (old != nullptr && old->leader_epoch > made.leader_epoch) made = *old;
    }
    topic->partitions.push_back(std::move(made));
  }
  std::ranges::sort(topic->partitions, {}, &Partition::index);
  if (topics_.size() >= kTopicsMax && !topics_.contains(topic->name)) topics_.erase(topics_.begin());
  topics_[topic->name] = topic;
  return topic;
}

Task<Result<TopicPtr>> Cluster::topic(std::string name, Patience patience) {
  const auto known = topics_.find(name);
  if (known != topics_.end() && env_.executor.now() - known->second->asked < options_.metadata_age_max) co_return known->second;
  for (int attempt = 0, unknown = 0;; ++attempt) {
    std::optional<std::vector<std::string>> names(std::in_place, 1, name);
    WEIR_CO_TRY(const protocol::MetadataResponse answer, co_await ask(std::move(names), patience));
    ErrorCode code = ErrorCode::kUnknownTopicOrPartition;
    for (const auto& heard : answer.topics) {
      if (heard.name != name) continue;
      code = heard.error_code;
      if (code == ErrorCode::kNone) co_return learn(heard);
    }
    if (code == ErrorCode::kUnknownTopicOrPartition && ++unknown >= kUnknownTopicAttempts) {
      co_return fail(code, fmt::format("topic \"{}\" does not exist", name));
    }
    if (reaction_to(code) == Reaction::kFail) co_return fail(code, fmt::format("topic \"{}\": {}", name, name_of(code)));
    WEIR_CO_CHECK(co_await back_off(attempt, Error(code, fmt::format("topic \"{}\": {}", name, name_of(code))), patience));
  }
}

Task<Result<std::vector<TopicPtr>>> Cluster::all_topics(Patience patience) {
  WEIR_CO_TRY(const protocol::MetadataResponse answer, co_await ask(std::nullopt, patience));
  co_return learn_all(answer);
}

Task<Result<std::vector<TopicPtr>>> Cluster::refresh(std::vector<std::string> names, Patience patience) {
  std::optional<std::vector<std::string>> wanted(std::move(names));
  WEIR_CO_TRY(const protocol::MetadataResponse answer, co_await ask(std::move(wanted), patience));
  co_return learn_all(answer);
}

std::vector<TopicPtr> Cluster::learn_all(const protocol::MetadataResponse& answer) {
  std::vector<TopicPtr> topics;
  for (const auto& heard : answer.topics) {
    if (heard.error_code == ErrorCode::kNone) topics.push_back(learn(heard));
  }
  std::ranges::sort(topics, {}, [](const TopicPtr& topic) { return topic->name; });
  return topics;
}

}  // namespace weir::client
