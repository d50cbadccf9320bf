// What a client knows of a cluster: its brokers, the topics it asked about, and how to reach each broker.
//
// Owner    the program; producer, consumer and admin share one. shut_down() before destroying it.
// Shard    one.
// Holds    - a cached topic is at most metadata_age_max old, and is asked for again after an error that says it is stale
//          - a partition's leader epoch never goes back while the topic keeps its id
//          - at most kTopicsMax topics are kept
// Errors   of everything here: kDeadlineExceeded (the message says what failed last), kCancelled, kUnsupportedVersion, and what
//          the broker says.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/uuid.h"
#include "weir/client/reaction.h"
#include "weir/protocol/metadata.h"
#include "weir/rpc/pool.h"

namespace weir::client {

using rpc::Patience;
using runtime::Task;

struct ClientOptions {
  std::vector<runtime::Endpoint> bootstrap;
  std::string client_id = "weir";
  Duration request_timeout = 30s;   // of one attempt
  rpc::Backoff retry_backoff{.first = 100ms, .max = 1s};
  Duration metadata_age_max = 5min;
};

struct Partition {
  PartitionIndex index;
  BrokerId leader = kNoBroker;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> isr;
  std::vector<BrokerId> offline;
};

struct Topic {
  std::string name;
  Uuid id;  // zero from brokers that have none
  bool is_internal = false;
  std::vector<Partition> partitions;  // by index
  MonoTime asked;

  // Null when the topic has no such partition.
  const Partition* partition(PartitionIndex index) const;
};

struct Broker {
  BrokerId id;
  runtime::Endpoint endpoint;
  std::optional<std::string> rack;
};

using TopicPtr = std::shared_ptr<const Topic>;
using ConnectionPtr = std::shared_ptr<rpc::Connection>;

class Cluster {
 public:
  static constexpr size_t kTopicsMax = 100'000;
  // A topic made a moment ago may not be known to every broker yet.
  static constexpr int kUnknownTopicAttempts = 3;

  Cluster(runtime::Environment env, ClientOptions options);

  // The topic as last heard of. Errors: kUnknownTopicOrPartition.
  Task<Result<TopicPtr>> topic(std::string name, Patience patience);
  // Those of `names` that exist, by name; asked for now, in one request.
  Task<Result<std::vector<TopicPtr>>> refresh(std::vector<std::string> names, Patience patience);
  // Every topic of the cluster, by name; asked for now.
  Task<Result<std::vector<TopicPtr>>> all_topics(Patience patience);
  // The next topic() asks the cluster.
  void forget(const std::string& name) { topics_.erase(name); }
  const std::vector<Broker>& brokers() const { return brokers_; }
  const std::string& cluster_id() const { return cluster_id_; }
  BrokerId controller() const { return controller_; }

  // Some broker: one that is connected, else a known one, else of the bootstrap list.
  Task<Result<ConnectionPtr>> any_broker(Patience patience);
  Task<Result<ConnectionPtr>> connection(runtime::Endpoint to, rpc::Lane lane, Patience patience) {
    co_return co_await pool_.connection(std::move(to), lane, patience);
  }
  // Connections that nobody else uses. Give it back.
  rpc::Lane own_lane() { return static_cast<rpc::Lane>(next_lane_++); }
  void give_back(rpc::Lane lane) { pool_.close_lane(lane); }
  // Errors: also kBrokerNotAvailable (nobody told us of it).
  Task<Result<ConnectionPtr>> broker(BrokerId id, rpc::Lane lane, Patience patience);

  // Puts `request` to one broker, once. Errors: also those of the connection, when it must be made first.
  template <protocol::WireMessage Request>
  Task<Result<typename Request::Response>> call(runtime::Endpoint to, rpc::Lane lane, Request request, Patience patience,
                                                int16_t version_max = INT16_MAX) {
    WEIR_CO_TRY(const ConnectionPtr connection, co_await pool_.connection(std::move(to), lane, patience));
    co_return co_await connection->call(std::move(request), patience, version_max);
  }

  // Puts `request` to some broker, and again to another as long as connections break. The answer's own errors are the
  // caller's.
  template <protocol::WireMessage Request>
  Task<Result<typename Request::Response>> call_any(Request request, Patience patience) {
    for (int attempt = 0;; ++attempt) {
      auto answer = co_await call_any_once(request, patience);
      if (answer || !is_transport_failure(answer.error().code())) co_return answer;
      WEIR_CO_CHECK(co_await back_off(attempt, answer.error(), patience));
    }
  }

  // `patience` cut to one request's time.
  Patience one_attempt(Patience patience) const;
  // Waits before attempt `attempt` + 2. Errors: kDeadlineExceeded with `why`, kCancelled.
  Task<Result<void>> back_off(int attempt, Error why, Patience patience);

  runtime::Environment& environment() { return env_; }
  const ClientOptions& options() const { return options_; }

  Task<void> shut_down() { co_await pool_.shut_down(); }

 private:
  template <protocol::WireMessage Request>
  Task<Result<typename Request::Response>> call_any_once(Request request, Patience patience) {
    WEIR_CO_TRY(const ConnectionPtr connection, co_await any_broker(patience));
    co_return co_await connection->call(std::move(request), one_attempt(patience));
  }
  Task<Result<protocol::MetadataResponse>> ask(std::optional<std::vector<std::string>> names, Patience patience);
  TopicPtr learn(const protocol::MetadataResponse::MetadataResponseTopic& topic);
  std::vector<TopicPtr> learn_all(const protocol::MetadataResponse& answer);
  void learn_brokers(const protocol::MetadataResponse& answer);

  runtime::Environment env_;
  ClientOptions options_;
  rpc::Pool pool_;
  std::vector<Broker> brokers_;
  std::string cluster_id_;
  BrokerId controller_ = kNoBroker;
  size_t next_broker_ = 0;  // where any_broker begins
  uint32_t next_lane_ = static_cast<uint32_t>(rpc::Lane::kOwn);
  std::map<std::string, TopicPtr> topics_;
};

}  // namespace weir::client
