#include "weir/metadata/service.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/metadata/controller/brokers.h"
#include "weir/metadata/controller/configs.h"
#include "weir/metadata/controller/features.h"
#include "weir/metadata/controller/topics.h"
#include "weir/metadata/metadata_version.h"
#include "weir/metadata/records.h"
#include "weir/raft/snapshot.h"
#include "weir/storage/log.h"

namespace weir::metadata {
namespace {

using runtime::Task;

constexpr size_t kChangeBytesMax = raft::Quorum::kBatchBytesMax / 2;  // of record values: leaves room for record headers

class Service final : public MetadataService {
 public:
  Service(runtime::Environment& environment, ServiceOptions options)
      : environment_(environment),
        options_(std::move(options)),
        images_(environment.executor, options_.cluster_id, options_.quorum.node_id) {}

  Task<Result<void>> start(storage::LogServices services) {
    WEIR_CO_TRY(quorum_, co_await raft::Quorum::open(services, options_.quorum, images_));
    snapshots_ = std::make_unique<Snapshots>(environment_, *quorum_, images_, options_.snapshots);
    if (images_.in_transaction()) WEIR_CO_CHECK(co_await abort_open_transaction());
    pending_ = std::make_shared<const MetadataImage>(images_.committed());
    if (pending_->feature_level("metadata.version") == 0) WEIR_CO_CHECK(co_await bootstrap());
    WEIR_CO_CHECK(check_features(*pending_));
    WEIR_CO_CHECK(co_await register_controller());
    co_await images_.publish_through(quorum_->next_offset().prev());
    snapshots_->start();
    co_return Result<void>();
  }

  const ImageRef& image() const override { return images_.published(); }
  Task<void> subscribe(MetadataSubscriber& subscriber) override { return images_.subscribe(subscriber); }
  void unsubscribe(MetadataSubscriber& subscriber) override { images_.unsubscribe(subscriber); }

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
    co_return co_await change(
        [&](const ControllerContext& context) { return metadata::allocate_producer_ids(context, broker, epoch); });
  }
  Task<Result<BrokerEpoch>> register_broker(protocol::BrokerRegistrationRequest request) override {
    co_return co_await change([&](const ControllerContext& context) { return metadata::register_broker(context, request); });
  }
  Task<Result<void>> unfence_broker(BrokerId broker, BrokerEpoch epoch) override { return set_fenced(broker, epoch, false); }
  Task<Result<void>> fence_broker(BrokerId broker, BrokerEpoch epoch) override { return set_fenced(broker, epoch, true); }

  raft::QuorumDescription quorum() const override { return quorum_->describe(); }
  Task<Result<raft::SnapshotId>> snapshot() override { return snapshots_->write(); }

  Task<Result<void>> stop() override {
    stopping_ = true;
    if (quorum_ == nullptr) co_return Result<void>();
    co_await snapshots_->stop();
    // Changes accepted before finish first: closing waits for their appends, this for their subscribers.
    const Result<void> closed = co_await quorum_->close();
    while (changes_ > 0) {
      const Result<void> woken = co_await idle_.wait(environment_.executor);
      WEIR_ASSERT(woken.has_value());
    }
    co_return closed;
  }

 private:
  // --- starting ------------------------------------------------------------------------------------------------------------

  // A leader that died within a transaction cannot finish it.
  Task<Result<void>> abort_open_transaction() {
    protocol::AbortTransactionRecord abort;
    abort.reason = "the controller stopped before the transaction ended";
    std::vector<MetadataRecord> records;
    records.emplace_back(std::move(abort));
    WEIR_CO_TRY(std::vector<Bytes> values, encode_records(records, kMetadataVersion));
    WEIR_CO_CHECK(co_await quorum_->append(std::move(values)));
    WEIR_ASSERT(!images_.in_transaction());
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
    if (pending_->feature_level("metadata.version") < kLevelControllers) co_return Result<void>();
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

  // What a decision rests on; good until the next one.
  ControllerContext context() const {
    return {*pending_, options_.static_config, options_.quorum.node_id, environment_.random, quorum_->next_offset()};
  }

  // Decides on the pending image, appends, and waits until the change is committed, applied and seen by all subscribers.
  // What runs before the append suspends is one step, so decisions follow each other in order.
  template <typename Decide>
  Task<Result<ResponseOf<Decide>>> change(Decide decide) {
    if (const auto refused = refusal()) co_return fail(*refused);
    const Turn turn(*this);
    auto decision = as_result(decide(context()));
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
      WEIR_CO_TRY(std::vector<MetadataRecord> records, set_broker_fenced(context(), broker, epoch, fenced));
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
      co_await images_.publish_through(*last);
    } else if (!failed_) {
      // The pending image holds what will never be committed: nothing may be decided on it any more.
      failed_.emplace(ErrorCode::kNotController, "the metadata log failed: " + last.error().describe());
    }
    ++appends_settled_;
    settlement_.notify_all();
    if (!last) co_return fail(last.error());
    snapshots_->on_committed();
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

  runtime::Environment& environment_;
  ServiceOptions options_;
  ImagePublisher images_;
  ImageRef pending_;  // with every change decided, committed or not
  std::unique_ptr<raft::Quorum> quorum_;
  std::unique_ptr<Snapshots> snapshots_;
  size_t changes_ = 0;  // under way
  uint64_t appends_begun_ = 0;
  uint64_t appends_settled_ = 0;  // committed and published, or failed; in the order begun
  runtime::WaitQueue settlement_;
  std::optional<Error> failed_;  // the metadata log takes nothing any more
  runtime::WaitQueue idle_;
  bool stopping_ = false;
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
