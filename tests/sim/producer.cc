// The idempotent producer of the simulator: keeps batches until they are answered, sends them again in order over a new
// connection, and expects the broker to tell repeats from news.
#include <algorithm>
#include <cstring>

#include "weir/protocol/init_producer_id.h"
#include "weir/protocol/produce.h"
#include "weir/record/builder.h"
#include "weir/runtime/sim/core.h"
#include "workload_inner.h"

namespace weir::sim {

using runtime::Environment;
using runtime::Task;

namespace {

constexpr int64_t kRecordsPerBatchMax = 5;
constexpr int64_t kPaddingMax = 300;
constexpr unsigned kCompressedPercent = 20;

class Producer {
 public:
  Producer(Environment env, Topic* topic, Writer* writer)
      : env_(env), topic_(*topic), writer_(*writer), draw_(env.random.word()) {}

  Task<void> run() {
    while (!writer_.stop || !unanswered_.empty()) {
      const bool connected = co_await connect();
      if (!connected) {
        co_await pause_before_retry(env_);
        continue;
      }
      const bool sent = co_await send_batches();
      if (!sent) continue;
      if (unanswered_.empty()) {
        co_await think();
        continue;
      }
      const bool accepted = co_await take_answer();
      if (!accepted) co_await pause_before_retry(env_);
    }
    writer_.stopped = true;
  }

 private:
  struct Batch {
    int32_t base_sequence;
    std::vector<ValueId> values;
    SharedBytes bytes;
  };

  void disconnect() {
    client_.reset();
    sent_ = 0;
  }
  LogHistory& history() { return *topic_.partitions[static_cast<size_t>(writer_.partition.value())]; }

  Task<bool> connect() {
    if (client_ != nullptr) co_return true;
    client_ = co_await connect_to_topic(env_, &topic_, fmt::format("producer-{}", writer_.id), &topic_id_);
    if (client_ == nullptr) co_return false;
    if (producer_id_ != kNoProducerId) co_return true;
    protocol::InitProducerIdRequest request;
    request.transactional_id = std::nullopt;
    request.transaction_timeout_ms = 1000;
    const auto answer = co_await client_->call(std::move(request));
    if (!answer || answer->error_code != ErrorCode::kNone) {
      if (!answer && is_wire_failure(answer.error())) topic_.violate("wire", answer.error().describe());
      disconnect();
      co_return false;
    }
    producer_id_ = answer->producer_id;
    producer_epoch_ = answer->producer_epoch;
    co_return true;
  }

  Task<void> think() {
    const Duration pause = runtime::sample_delay(draw_, 0ns, writer_.think_mean);
    const Result<void> slept = co_await sleep_until(env_.executor, env_.executor.now() + pause);
    WEIR_ASSERT(slept.has_value());
    if (!writer_.stop) make_batch();
  }

  void make_batch() {
    Batch batch;
    batch.base_sequence = next_sequence_;
    record::BatchOptions options;
    options.producer_id = producer_id_;
    options.producer_epoch = producer_epoch_;
    options.base_sequence = next_sequence_;
    // Not zstd, which old versions of Produce refuse: a batch may be sent again in any version.
    if (draw_.chance(kCompressedPercent)) options.compression = static_cast<record::Compression>(draw_.between(1, 3));
    record::BatchBuilder builder(options);
    const int64_t count = draw_.between(1, kRecordsPerBatchMax);
    for (int64_t i = 0; i < count; ++i) {
      const ValueId value{writer_.id, next_number_++};
      history().attempted(value);
      Bytes text(sizeof value + static_cast<size_t>(draw_.between(0, kPaddingMax)), std::byte{'.'});
      std::memcpy(text.data(), &value.writer, 4);
      std::memcpy(text.data() + 4, &value.number, 4);
      builder.add(env_.clock.wall_ms(), std::nullopt, text);
      batch.values.push_back(value);
    }
    next_sequence_ += static_cast<int32_t>(count);
    const Result<Bytes> built = std::move(builder).build(codecs_);
    WEIR_ASSERT(built.has_value());
    batch.bytes = SharedBytes::copy_of(*built);
    unanswered_.push_back(std::move(batch));
  }

  // False when the connection broke.
  Task<bool> send_batches() {
    while (!unanswered_.empty() && unanswered_.size() < writer_.in_flight_max && !writer_.stop && draw_.chance(50)) make_batch();
    while (sent_ < unanswered_.size()) {
      protocol::ProduceRequest request;
      request.acks = -1;
      request.timeout_ms = 5000;
      auto& topic = request.topic_data.emplace_back();
      if (client_->version_of(protocol::ApiKey::kProduce) >= 13)
        topic.topic_id = topic_id_;
      else
        topic.name = topic_.name;
      auto& partition = topic.partition_data.emplace_back();
      partition.index = writer_.partition;
      partition.records = protocol::Records(unanswered_[sent_].bytes);
      const Result<void> sent = co_await client_->send(std::move(request));
      ++sent_;  // it may have arrived even when the connection broke
      if (!sent) {
        disconnect();
        co_return false;
      }
    }
    co_return true;
  }

  // False when the batch must be sent again.
  Task<bool> take_answer() {
    const auto answer = co_await client_->receive<protocol::ProduceRequest>();
    if (!answer) {
      if (is_wire_failure(answer.error())) topic_.violate("wire", answer.error().describe());
      disconnect();
      co_return false;
    }
    if (answer->responses.size() != 1 || answer->responses[0].partition_responses.size() != 1) {
      topic_.violate("wire", "a produce response without the partition that was asked for");
      disconnect();
      co_return false;
    }
    const auto& result = answer->responses[0].partition_responses[0];
    co_return accept(result.error_code, result.base_offset);
  }

  bool accept(ErrorCode code, Offset base) {
    env_.log.debug("producer {} sequence {}: {} at {}", producer_id_, unanswered_.front().base_sequence, name_of(code), base);
    switch (code) {
      case ErrorCode::kNone:
      case ErrorCode::kDuplicateSequenceNumber: {
        const Batch& batch = unanswered_.front();
        for (size_t i = 0; i < batch.values.size(); ++i) {
          const bool known = code == ErrorCode::kNone && base >= Offset(0);
          history().acknowledged(batch.values[i], known ? base.value() + static_cast<int64_t>(i) : -1);
        }
        writer_.acknowledged += batch.values.size();
        unanswered_.pop_front();
        --sent_;
        return true;
      }
      // The oldest unanswered batch follows what was acknowledged: the broker forgot some of that.
      case ErrorCode::kOutOfOrderSequenceNumber:
      case ErrorCode::kUnknownProducerId:
      case ErrorCode::kInvalidProducerEpoch:
        topic_.violate("producer-state", fmt::format("producer {} at sequence {}, the next after what was acknowledged: {}",
                                                     writer_.id, unanswered_.front().base_sequence, name_of(code)));
        break;
      case ErrorCode::kKafkaStorageError:
        if (topic_.on_storage_error) topic_.on_storage_error();
        break;
      default:
        if (!is_retriable(code)) topic_.violate("produce-error", std::string(name_of(code)));
    }
    // Whatever else is under way on this connection may still be appended, or refused as out of order: that is the point.
    disconnect();
    return false;
  }

  Environment env_;
  Topic& topic_;
  Writer& writer_;
  Prng draw_;
  codec::Codecs codecs_;
  std::unique_ptr<WireClient> client_;
  Uuid topic_id_;
  ProducerId producer_id_ = kNoProducerId;
  ProducerEpoch producer_epoch_ = kNoProducerEpoch;
  int32_t next_sequence_ = 0;
  uint32_t next_number_ = 1;
  std::deque<Batch> unanswered_;
  size_t sent_ = 0;              // of the unanswered, over this connection
};

}  // namespace

Task<void> write_to_broker(Environment env, Topic* topic, Writer* writer) {
  Producer producer(env, topic, writer);
  co_await producer.run();
}

}  // namespace weir::sim
