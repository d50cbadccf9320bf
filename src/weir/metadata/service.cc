#include "weir/metadata/service.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/metadata/controller/brokers.h"
#include "weir/metadata/controller/configs.h"
#include "weir/metadata/controller/features.h"
#include "weir/metadata/controller/topics.h"
#include "weir/metadata/format.h"
#include "weir/metadata/records.h"
#include "weir/protocol/describe_quorum.h"
#include "weir/raft/snapshot.h"
#include "weir/runtime/semaphore.h"
#include "weir/runtime/task_group.h"
#include "weir/storage/log.h"
#include "weir/storage/log_options.h"

namespace weir::metadata {
namespace {

using runtime::Task;

constexpr size_t kChangeBytesMax = raft::Quorum::kBatchBytesMax / 2;  // of record values: leaves room for record headers
constexpr size_t kSubscribersMax = 1'000;

class Service final : public MetadataService, private raft::StateMachine {
 public:
  Service(runtime::Environment& environment, ServiceOptions options)
      : environment_(environment), options_(std::move(options)), background_(environment.executor) {
    MetadataImage empty;
    empty.cluster_id = options_.cluster_id;
    empty.controller_id = options_.quorum.node_id;
    image_ = std::make_shared<const MetadataImage>(std::move(empty));
    delta_ = std::make_unique<MetadataDelta>(image_);
  }

  Task<Result<void>> start(storage::LogServices services) {
    WEIR_CO_TRY(quorum_, co_await raft::Quorum::open(services, options_.quorum, *this));
    if (delta_->in_transaction()) WEIR_CO_CHECK(co_await abort_open_transaction());
    pending_ = delta_->finish();
    if (pending_->feature_level("metadata.version") == 0) WEIR_CO_CHECK(co_await bootstrap());
    WEIR_CO_CHECK(check_features(*pending_));
    WEIR_CO_CHECK(co_await register_controller());
    co_await publish_through(quorum_->next_offset().prev());
    if (options_.snapshot_interval_ms > 0) background_.spawn(&Service::snapshot_by_time, this);
    co_return Result<void>();
  }

  const ImageRef& image() const override { return image_; }

  Task<void> subscribe(MetadataSubscriber& subscriber) override {
    WEIR_ASSERT(subscribers_.size() < kSubscribersMax);
    const Result<void> mine = co_await publishing_.acquire(environment_.executor);
    WEIR_ASSERT(mine.has_value());
    MetadataImage empty;
    empty.cluster_id = image_->cluster_id;
    MetadataDelta whole(std::make_shared<const MetadataImage>(std::move(empty)));
    for (const MetadataRecord& record : records_of(*image_)) {
      const Result<void> applied = whole.apply(record, image_->offset);
      WEIR_ASSERT(applied.has_value());
    }
    whole.set_controller(image_->controller_id);
    if (image_->offset > kNoOffset) whole.advance(image_->offset, image_->epoch, image_->timestamp);
    subscribers_.push_back(&subscriber);
    co_await subscriber.on_metadata(whole, image_);
    publishing_.release();
  }
  void unsubscribe(MetadataSubscriber& subscriber) override { std::erase(subscribers_, &subscriber); }

  Task<Result<protocol::CreateTopicsResponse>> create_topics(protocol::CreateTopicsRequest request) override {
    co_return co_await change([&](const ControllerContext& context) { return metadata::create_topics(context, request); });
  }
  Task<Result<protocol::DeleteTopicsResponse>> delete_topics(protocol::DeleteTopicsRequest request) override {
    co_return co_await change([&](const ControllerContext& context) { return metadata::delete_topics(context, request); });
  }
  Task<Result<protocol::CreatePartitionsResponse>> create_partitions(protocol::CreatePartitionsRequest request) override {
    co_return co_await change([&](const ControllerContext& context) { return metadata::create_partitions(context, request); });
  }
  Task<Result<protocol::IncrementalAlterConfigsResponse>> incremental_alter_configs(
      protocol::IncrementalAlterConfigsRequest request) override {
    co_return co_await change(
        [&](const ControllerContext& context) { return metadata::incremental_alter_configs(context, request); });
  }
  Task<Result<protocol::AlterConfigsResponse>> alter_configs(protocol::AlterConfigsRequest request) override {
    co_return co_await change([&](const ControllerContext& context) { return metadata::alter_configs(context, request); });
  }
  Task<Result<ProducerIdBlock>> allocate_producer_ids(BrokerId broker, BrokerEpoch epoch) override {
    const Result<ProducerId> first = co_await change(
        [&](const ControllerContext& context) { return metadata::allocate_producer_ids(context, broker, epoch); });
    if (!first) co_return fail(first.error());
    co_return ProducerIdBlock{*first, kProducerIdBlock};
  }
  Task<Result<BrokerEpoch>> register_broker(protocol::BrokerRegistrationRequest request) override {
    co_return co_await change([&](const ControllerContext& context) { return metadata::register_broker(context, request); });
  }
  Task<Result<void>> unfence_broker(BrokerId broker, BrokerEpoch epoch) override {
    co_return co_await set_fenced(broker, epoch, false);
  }
  Task<Result<void>> fence_broker(BrokerId broker, BrokerEpoch epoch) override {
    co_return co_await set_fenced(broker, epoch, true);
  }

  protocol::DescribeQuorumResponse describe_quorum() const override {
    const raft::QuorumDescription quorum = quorum_->describe();
    protocol::DescribeQuorumResponse response;
    response.error_message.reset();
    protocol::DescribeQuorumResponse::PartitionData partition;
    partition.partition_index = PartitionIndex(0);
    partition.error_message.reset();
    partition.leader_id = quorum.leader;
    partition.leader_epoch = quorum.epoch;
    partition.high_watermark = quorum.high_watermark;
    for (const auto& voter : quorum.voters) partition.current_voters.push_back(replica_state(voter));
    for (const auto& observer : quorum.observers) partition.observers.push_back(replica_state(observer));
    protocol::DescribeQuorumResponse::TopicData topic;
    topic.topic_name = "__cluster_metadata";
    topic.partitions.push_back(std::move(partition));
    response.topics.push_back(std::move(topic));
    for (const raft::Voter& voter : quorum.voter_set) {
      protocol::DescribeQuorumResponse::Node node;
      node.node_id = voter.id;
      for (const auto& endpoint : voter.endpoints) node.listeners.push_back({endpoint.name, endpoint.host, endpoint.port});
      response.nodes.push_back(std::move(node));
    }
    return response;
  }

  Task<Result<raft::SnapshotId>> snapshot() override {
    if (delta_->in_transaction()) co_return fail(ErrorCode::kUnavailable, "a metadata transaction is open");
    if (snapshotting_) co_return fail(ErrorCode::kUnavailable, "a snapshot is being written");
    snapshotting_ = true;
    const MetadataImage& state = delta_->after();
    Result<std::vector<Bytes>> values = encode_records(records_of(state), state.feature_level("metadata.version"));
    Result<raft::SnapshotId> written = fail(ErrorCode::kInternal);
    if (values) {
      written = co_await quorum_->write_snapshot(std::move(*values), state.timestamp);
    } else {
      written = fail(values.error());
    }
    snapshotting_ = false;
    co_return written;
  }

  Task<Result<void>> stop() override {
    stopping_ = true;
    stop_.request_stop();
    const Result<void> joined = co_await background_.join();
    WEIR_ASSERT(joined.has_value());
    // Changes accepted before finish first: closing waits for their appends, this for their subscribers.
    if (quorum_ == nullptr) co_return Result<void>();
    const Result<void> closed = co_await quorum_->close();
    while (changes_ > 0) {
      const Result<void> woken = co_await idle_.wait(environment_.executor);
      WEIR_ASSERT(woken.has_value());
    }
    co_return closed;
  }

 private:
  static protocol::DescribeQuorumResponse::ReplicaState replica_state(const raft::ReplicaDescription& replica) {
    return {replica.id, replica.directory_id, replica.log_end, replica.last_fetch, replica.last_caught_up};
  }

  // --- what the quorum commits ---------------------------------------------------------------------------------------------

  Result<void> begin_snapshot(raft::SnapshotId id, TimestampMs last_timestamp) override {
    delta_->reset();
    replayed_ = id;
    replayed_timestamp_ = last_timestamp;
    return {};
  }
  Result<void> apply_snapshot(const std::vector<ByteView>& values) override {
    for (const ByteView value : values) WEIR_CHECK(apply_value(value, replayed_.end));
    return {};
  }
  Result<void> end_snapshot() override {
    delta_->advance(replayed_.end.prev(), replayed_.epoch, replayed_timestamp_);
    return {};
  }
  Result<void> apply(const raft::CommittedBatch& batch) override {
    Offset offset = batch.base_offset;
    for (const ByteView value : batch.values) {
      WEIR_CHECK(apply_value(value, offset));
      offset = offset.next();
    }
    const Offset last = batch.values.empty() ? batch.base_offset : offset.prev();
    delta_->advance(last, batch.epoch, batch.timestamp);
    return {};
  }
  Result<void> apply_value(ByteView value, Offset offset) {
    Result<MetadataRecord> record = decode_record(value);
    if (!record) {
      return fail(
          ErrorCode::kUnsupportedFeature,
          fmt::format("the metadata record at offset {} cannot be read ({}): it was written by a newer server, or is damaged; "
                      "start the server that wrote it",
                      offset, record.error().message()));
    }
    return delta_->apply(*record, offset);
  }

  // --- starting ------------------------------------------------------------------------------------------------------------

  // A leader that died within a transaction cannot finish it.
  Task<Result<void>> abort_open_transaction() {
    pending_ = delta_->finish();
    std::vector<MetadataRecord> records;
    protocol::AbortTransactionRecord abort;
    abort.reason = "the controller stopped before the transaction ended";
    records.emplace_back(std::move(abort));
    WEIR_CO_TRY(std::vector<Bytes> values, encode_records(records, kMetadataVersion));
    WEIR_CO_CHECK(co_await quorum_->append(std::move(values)));
    co_return Result<void>();
  }

  // The first records of a cluster, from bootstrap.checkpoint.
  Task<Result<void>> bootstrap() {
    const std::string path = fmt::format("{}/{}", options_.quorum.dir, raft::kBootstrapCheckpoint);
    WEIR_CO_TRY(const raft::LoadedSnapshot snapshot, co_await raft::load_snapshot_file(environment_.disk, path));
    std::vector<MetadataRecord> records;
    const Result<void> read = raft::visit_snapshot(snapshot, [&](const std::vector<ByteView>& values) -> Result<void> {
      for (const ByteView value : values) {
        WEIR_TRY(MetadataRecord record, decode_record(value));
        records.push_back(std::move(record));
      }
      return {};
    });
    if (!read) co_return fail(read.error().within(path));
    // Refuse before the log says that this cluster has features we do not serve.
    MetadataDelta trial(pending_);
    for (const MetadataRecord& record : records) WEIR_CO_CHECK(trial.apply(record, quorum_->next_offset()));
    if (trial.after().feature_level("metadata.version") == 0) {
      co_return fail(ErrorCode::kMalformedFile, fmt::format("{}: it does not say the metadata.version", path));
    }
    WEIR_CO_CHECK(check_features(trial.after()));
    co_return co_await append_now(std::move(records));
  }

  // The controller's endpoints and features, when the log does not have them as they are.
  Task<Result<void>> register_controller() {
    protocol::RegisterControllerRecord record;
    record.controller_id = options_.quorum.node_id;
    record.incarnation_id = environment_.random.uuid();
    std::vector<Endpoint> endpoints;
    for (const auto& listener : options_.quorum.listeners) {
      record.end_points.push_back({listener.name, listener.host, listener.port, 0});
      endpoints.push_back({listener.name, listener.host, listener.port, 0});
    }
    PersistentMap<std::string, FeatureRange> features;
    for (const SupportedFeature& feature : supported_features()) {
      record.features.push_back({std::string(feature.name), feature.min, feature.max});
      features.set(std::string(feature.name), {feature.min, feature.max});
    }
    const auto* known = pending_->controllers.find(record.controller_id);
    if (known != nullptr && (*known)->endpoints == endpoints && (*known)->features == features) co_return Result<void>();
    std::vector<MetadataRecord> records;
    records.emplace_back(std::move(record));
    co_return co_await append_now(std::move(records));
  }

  Task<Result<void>> append_now(std::vector<MetadataRecord> records) {
    WEIR_CO_TRY(std::vector<Bytes> values, prepare(records));
    WEIR_CO_CHECK(co_await quorum_->append(std::move(values)));
    co_return Result<void>();
  }

  // --- changes -------------------------------------------------------------------------------------------------------------

  // Counts a change while it is under way.
  class Turn {
   public:
    explicit Turn(Service& service) : service_(service) { ++service_.changes_; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (--service_.changes_ == 0) service_.idle_.notify_all();
    }

   private:
    Service& service_;
  };

  template <typename T>
  static Result<Decision<T>> as_result(Decision<T> decision) {
    return decision;
  }
  template <typename T>
  static Result<Decision<T>> as_result(Result<Decision<T>> decision) {
    return decision;
  }
  template <typename Decide>
  using ResponseOf = decltype(as_result(std::declval<Decide>()(std::declval<const ControllerContext&>()))->response);

  std::optional<Error> refusal() const {
    if (stopping_) return Error(ErrorCode::kUnavailable, "this node is stopping");
    if (failed_) return failed_;
    if (changes_ >= kPendingChangesMax) return Error(ErrorCode::kThrottlingQuotaExceeded, "too many changes are waiting");
    return std::nullopt;
  }

  // Decides on the pending image, appends, and waits until the change is committed, applied and seen by all subscribers.
  // What runs before the append suspends is one step, so decisions follow each other in order.
  template <typename Decide>
  Task<Result<ResponseOf<Decide>>> change(Decide decide) {
    if (const auto refused = refusal()) co_return fail(*refused);
    const Turn turn(*this);
    const ControllerContext context{*pending_, options_.static_config, options_.quorum.node_id, environment_.random,
                                    quorum_->next_offset()};
    auto decision = as_result(decide(context));
    if (!decision) co_return fail(decision.error());
    if (decision->records.empty()) {
      // It may rest on changes that are decided and not committed ("exists already"): answer only once they are.
      WEIR_CO_CHECK(co_await settled());
      co_return std::move(decision->response);
    }
    WEIR_CO_CHECK(co_await append_and_publish(std::move(decision->records)));
    co_return std::move(decision->response);
  }

  // More records than one batch takes become several. The rest is decided anew after each: other changes came in between.
  Task<Result<void>> set_fenced(BrokerId broker, BrokerEpoch epoch, bool fenced) {
    if (const auto refused = refusal()) co_return fail(*refused);
    const Turn turn(*this);
    for (bool is_last = false; !is_last;) {
      const ControllerContext context{*pending_, options_.static_config, options_.quorum.node_id, environment_.random,
                                      quorum_->next_offset()};
      WEIR_CO_TRY(std::vector<MetadataRecord> records, set_broker_fenced(context, broker, epoch, fenced));
      if (records.empty()) {
        WEIR_CO_CHECK(co_await settled());
        break;
      }
      is_last = records.size() <= kRecordsPerChangeMax;
      if (!is_last) records.erase(records.begin() + kRecordsPerChangeMax, records.end());
      WEIR_CO_CHECK(co_await append_and_publish(std::move(records)));
    }
    co_return Result<void>();
  }

  Task<Result<void>> append_and_publish(std::vector<MetadataRecord> records) {
    WEIR_CO_TRY(std::vector<Bytes> values, prepare(records));
    ++appends_begun_;
    const Result<Offset> last = co_await quorum_->append(std::move(values));
    if (last) {
      co_await publish_through(*last);
    } else if (!failed_) {
      // The pending image holds what will never be committed: nothing may be decided on it any more.
      failed_.emplace(ErrorCode::kNotController, "the metadata log failed: " + last.error().describe());
    }
    ++appends_settled_;
    settlement_.notify_all();
    if (!last) co_return fail(last.error());
    maybe_snapshot();
    co_return Result<void>();
  }

  // Resolves when every change decided so far is committed and published. Errors: kNotController, when one never will be.
  Task<Result<void>> settled() {
    const uint64_t begun = appends_begun_;
    while (appends_settled_ < begun) (void)co_await settlement_.wait(environment_.executor);
    if (failed_) co_return fail(*failed_);
    co_return Result<void>();
  }

  // The values of `records`, which from now on count as decided.
  Result<std::vector<Bytes>> prepare(const std::vector<MetadataRecord>& records) {
    if (records.size() > kRecordsPerChangeMax) {
      return fail(ErrorCode::kPolicyViolation,
                  fmt::format("the change needs {} metadata records, more than one change may", records.size()));
    }
    MetadataDelta decided(pending_);
    for (const MetadataRecord& record : records) WEIR_CHECK(decided.apply(record, quorum_->next_offset()));
    WEIR_TRY(std::vector<Bytes> values, encode_records(records, decided.after().feature_level("metadata.version")));
    size_t bytes = 0;
    for (const Bytes& value : values) bytes += value.size();
    if (bytes > kChangeBytesMax) {
      return fail(ErrorCode::kPolicyViolation,
                  fmt::format("the change needs {} bytes of metadata, more than one change may", bytes));
    }
    pending_ = decided.finish();
    return values;
  }

  // --- publishing ----------------------------------------------------------------------------------------------------------

  // Returns when an image that holds `offset` was published to all subscribers.
  Task<void> publish_through(Offset offset) {
    const Result<void> mine = co_await publishing_.acquire(environment_.executor);
    WEIR_ASSERT(mine.has_value());
    if (image_->offset < offset && !delta_->in_transaction()) {
      const std::unique_ptr<MetadataDelta> delta = std::move(delta_);
      image_ = delta->finish();
      delta_ = std::make_unique<MetadataDelta>(image_);
      const std::vector<MetadataSubscriber*> subscribers = subscribers_;
      for (MetadataSubscriber* subscriber : subscribers) {
        if (std::ranges::find(subscribers_, subscriber) != subscribers_.end()) co_await subscriber->on_metadata(*delta, image_);
      }
    }
    publishing_.release();
  }

  // --- snapshots -----------------------------------------------------------------------------------------------------------

  void maybe_snapshot() {
    if (snapshotting_ || stopping_ || quorum_->bytes_since_snapshot() < options_.snapshot_bytes) return;
    background_.spawn(&Service::snapshot_once, this);
  }
  static Task<void> snapshot_once(Service* service) {
    const Result<raft::SnapshotId> written = co_await service->snapshot();
    if (!written && written.error().code() != ErrorCode::kUnavailable) {
      service->environment_.log.error("cannot write a metadata snapshot: {}", written.error().describe());
    }
  }
  static Task<void> snapshot_by_time(Service* service) {
    const Duration interval = storage::duration_of_ms(service->options_.snapshot_interval_ms);
    runtime::Event never;
    for (;;) {
      const Deadline next = Deadline::at(service->environment_.executor.now() + interval);
      const Result<void> woken = co_await never.wait(service->environment_.executor, next, service->stop_.token());
      if (!woken && woken.error().code() == ErrorCode::kCancelled) co_return;
      if (service->quorum_->bytes_since_snapshot() > 0) co_await snapshot_once(service);
    }
  }

  runtime::Environment& environment_;
  ServiceOptions options_;
  ImageRef image_;                        // published
  ImageRef pending_;                      // with every change decided, committed or not
  std::unique_ptr<MetadataDelta> delta_;  // from image_ to what is committed
  raft::SnapshotId replayed_;
  TimestampMs replayed_timestamp_ = kNoTimestamp;
  std::unique_ptr<raft::Quorum> quorum_;
  std::vector<MetadataSubscriber*> subscribers_;
  runtime::Semaphore publishing_{1};
  size_t changes_ = 0;  // under way
  uint64_t appends_begun_ = 0;
  uint64_t appends_settled_ = 0;          // committed and published, or failed; in the order begun
  runtime::WaitQueue settlement_;
  std::optional<Error> failed_;           // the metadata log takes nothing any more
  runtime::WaitQueue idle_;
  bool snapshotting_ = false;
  bool stopping_ = false;
  runtime::StopSource stop_;
  runtime::TaskGroup background_;  // last: its tasks use all of the above
};

}  // namespace

Task<Result<std::unique_ptr<MetadataService>>> MetadataService::open(storage::LogServices services, ServiceOptions options) {
  auto service = std::make_unique<Service>(services.environment, std::move(options));
  const Result<void> started = co_await service->start(services);
  if (!started) {
    (void)co_await service->stop();
    co_return fail(started.error());
  }
  co_return std::unique_ptr<MetadataService>(std::move(service));
}

}  // namespace weir::metadata
