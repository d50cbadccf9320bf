// Sends records: gathers them into batches per partition, keeps several under way, and sends again what failed, so that
// with `idempotent` each record is stored once and in order whatever breaks on the way.
//
// Owner    the program; borrows the cluster, which outlives it. close() before destroying it.
// Shard    one.
// Holds    - at most in_flight_max batches of a partition are under way, and a request has at most one of each partition
//          - a batch keeps its producer id, epoch and first sequence until the broker has said that it does not have it
//          - after a failure a partition sends nothing new until all that was under way has come back, then goes on from its
//            oldest batch
//          - records take at most buffer_bytes; who sends more waits
//          - what is known of a topic is asked for again, beside the sending, when it is older than metadata_age_max: new partitions
//            get their records
// A batch that the broker calls too large is split until its parts are stored, or a single record is too large.
// A batch that failed for good leaves a gap in the sequences. What was sent after it is settled one by one under the old
// producer id; then the partition goes on with a new one, from sequence 0.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "weir/client/cluster.h"
#include "weir/client/partitioner.h"
#include "weir/record/builder.h"
#include "weir/runtime/event.h"
#include "weir/runtime/semaphore.h"

namespace weir::client {

struct ProducerOptions {
  int16_t acks = -1;       // -1 all, 1 the leader, 0 nobody
  bool idempotent = true;  // wants acks -1
  Duration linger = 5ms;
  size_t batch_bytes = 16 << 10;          // a batch closes above it; a larger record has one of its own
  size_t request_bytes_max = 1 << 20;
  record::Compression compression = record::Compression::kNone;
  std::optional<int> compression_level;
  size_t in_flight_max = 5;               // 1 to 5 with idempotent
  Duration delivery_timeout = 120s;       // from the first record of a batch to the broker's answer
  size_t buffer_bytes = 32 << 20;
};

// Views must live until the send is over.
struct OutRecord {
  std::string_view topic;
  std::optional<PartitionIndex> partition;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  TimestampMs timestamp = kNoTimestamp;  // now
  std::span<const record::Header> headers;
};

// Where a record lies. The offset is -1 when the broker does not say (acks 0).
struct Stored {
  PartitionIndex partition;
  Offset offset = kNoOffset;
};

struct ProducerIdentity;
namespace detail {
struct OutBatch;
struct PartitionQueue;
struct OutTopic;
}  // namespace detail

// The fate of one record.
class Delivery {
 public:
  bool is_done() const;
  // Errors: what the broker said last; kDeadlineExceeded after delivery_timeout (it may be stored all the same); kCancelled.
  Task<Result<Stored>> wait(runtime::Executor& executor, Patience patience);

 private:
  friend class Producer;
  Delivery(std::shared_ptr<detail::OutBatch> batch, int32_t index) : batch_(std::move(batch)), index_(index) {}
  std::shared_ptr<detail::OutBatch> batch_;
  int32_t index_;
};

class Producer {
 public:
  Producer(Cluster& cluster, ProducerOptions options);
  ~Producer();

  // Waits for the topic's metadata and for room, then puts the record into its batch; records sent one after another to a
  // partition are stored in that order. Errors: those of Cluster::topic; kInvalidArgument (no such partition),
  // kRecordListTooLarge (larger than the buffer), kUnavailable (closed), and whatever ended the producer.
  Task<Result<Delivery>> send(OutRecord record, Patience patience);

  // Sends what waits for company at once; resolves when every record sent before is stored or has failed.
  // Errors: kDeadlineExceeded, kCancelled. The fates of records are told by their Deliveries alone.
  Task<Result<void>> flush(Patience patience);

  // Ends at once: what is not stored fails with kCancelled. flush() first.
  Task<void> close();

  size_t records_stored() const { return records_stored_; }

 private:
  using BatchPtr = std::shared_ptr<detail::OutBatch>;
  using QueuePtr = std::shared_ptr<detail::PartitionQueue>;
  using TopicState = std::shared_ptr<detail::OutTopic>;
  struct Sent {
    QueuePtr queue;
    BatchPtr batch;
    TopicPtr topic;  // as it was when the batch went
  };

  Task<Result<TopicState>> topic_state(std::string name, Patience patience);
  static Result<void> check_partition(const detail::OutTopic& topic, const OutRecord& record);
  Delivery append(detail::OutTopic& topic, const OutRecord& record, size_t bytes);
  static Task<void> send_loop(Producer* self);
  static Task<void> send_request(Producer* self, BrokerId leader, std::vector<Sent> batches);
  void begin_refresh(const TopicState& topic);
  static Task<void> refresh(Producer* self, TopicState topic);
  static Task<void> acquire_identity(Producer* self);
  // Spawns what can go now; returns when to look again.
  MonoTime send_what_can_go();
  BatchPtr next_batch(const QueuePtr& queue, MonoTime& look_again);
  BatchPtr choose(detail::PartitionQueue& queue);
  bool is_due(const detail::OutBatch& batch, MonoTime& look_again) const;
  bool close_batch(const QueuePtr& queue, const BatchPtr& batch);
  void stamp(detail::PartitionQueue& queue, detail::OutBatch& batch);
  void expire(const QueuePtr& queue, MonoTime& look_again);
  void settle(const Sent& sent, ErrorCode code, std::string message, Offset base_offset);
  void settle_failure(const Sent& sent, ErrorCode code, std::string message);
  void retry_later(detail::PartitionQueue& queue, ErrorCode code);
  bool split(detail::PartitionQueue& queue, const BatchPtr& batch);
  void finish(detail::PartitionQueue& queue, BatchPtr batch, Result<Offset> outcome);

  Cluster& cluster_;
  runtime::Environment& env_;
  ProducerOptions options_;
  codec::Codecs codecs_;
  std::map<std::string, TopicState, std::less<>> topics_;
  std::map<BrokerId, size_t> requests_under_way_;
  std::shared_ptr<ProducerIdentity> identity_;
  bool acquiring_ = false;
  std::optional<Error> fatal_;
  bool closed_ = false;
  runtime::Semaphore room_;
  size_t starved_ = 0;   // sends that wait for room
  size_t flushing_ = 0;
  runtime::Event wake_;
  runtime::StopSource stop_;
  size_t records_stored_ = 0;
  runtime::TaskGroup tasks_;
};

}  // namespace weir::client
