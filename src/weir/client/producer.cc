#include "weir/client/producer.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "weir/client/producer_state.h"

namespace weir::client {

using detail::OutBatch;
using detail::OutTopic;
using detail::PartitionQueue;
using record::sequence_after;

namespace {
constexpr size_t kInFlightOfIdempotentMax = 5;  // what a broker remembers of a producer

struct Counted {
  explicit Counted(size_t& counter) : counter(counter) { ++counter; }
  ~Counted() { --counter; }
  size_t& counter;
};

// Where a record went whose batch was split: the part, and its place in it.
std::pair<std::shared_ptr<OutBatch>, int32_t> part_of(std::shared_ptr<OutBatch> batch, int32_t index) {
  while (!batch->parts.empty()) {
    size_t part = 0;
    for (; index >= batch->parts[part]->records; ++part) index -= batch->parts[part]->records;
    batch = batch->parts[part];
  }
  return {std::move(batch), index};
}
}  // namespace

bool Delivery::is_done() const { return part_of(batch_, index_).first->outcome.has_value(); }

Task<Result<Stored>> Delivery::wait(runtime::Executor& executor, Patience patience) {
  auto [batch, index] = part_of(batch_, index_);
  while (!batch->outcome) {
    WEIR_CO_CHECK(co_await batch->waiters.wait(executor, patience.deadline, patience.stop));
    std::tie(batch, index) = part_of(batch, index);
  }
  if (!*batch->outcome) co_return fail(batch->outcome->error());
  const Offset base = **batch->outcome;
  co_return Stored{batch->partition, base < Offset(0) ? kNoOffset : base + index};
}

Producer::Producer(Cluster& cluster, ProducerOptions options)
    : cluster_(cluster),
      env_(cluster.environment()),
      options_(options),
      room_(static_cast<int64_t>(options.buffer_bytes)),
      tasks_(env_.executor) {
  WEIR_ASSERT(options_.in_flight_max > 0);
  WEIR_ASSERT(!options_.idempotent || (options_.acks == -1 && options_.in_flight_max <= kInFlightOfIdempotentMax));
  tasks_.spawn(&send_loop, this);
}

Producer::~Producer() = default;

Task<Result<Producer::TopicState>> Producer::topic_state(std::string name, Patience patience) {
  const auto found = topics_.find(name);
  if (found != topics_.end()) co_return found->second;
  WEIR_CO_TRY(const TopicPtr known, co_await cluster_.topic(name, patience));
  TopicState& state = topics_[name];  // another send may have been faster
  if (state == nullptr) {
    state = std::make_shared<OutTopic>(options_.batch_bytes);
    state->name = name;
    state->known = known;
  }
  co_return state;
}

Task<Result<Delivery>> Producer::send(OutRecord record, Patience patience) {
  const auto known = topics_.find(record.topic);
  TopicState topic = known == topics_.end() ? nullptr : known->second;
  if (topic == nullptr) {
    WEIR_CO_TRY(topic, co_await topic_state(std::string(record.topic), patience));
  }
  if (env_.executor.now() - topic->known->asked >= cluster_.options().metadata_age_max) begin_refresh(topic);
  WEIR_CO_CHECK(check_partition(*topic, record));
  const size_t bytes = record::BatchBuilder::record_bytes_max(record.key, record.value, record.headers);
  if (bytes + record::kHeaderBytes > options_.buffer_bytes) {
    co_return fail(ErrorCode::kRecordListTooLarge, fmt::format("a record of {} bytes, above the producer's buffer of {}", bytes, options_.buffer_bytes));
  }
  if (!room_.try_acquire(static_cast<int64_t>(bytes))) {
    const Counted waiting(starved_);
    wake_.set();
    WEIR_CO_CHECK(co_await room_.acquire(env_.executor, static_cast<int64_t>(bytes), patience.deadline, patience.stop));
  }
  // Again: the topic may have been made anew, with fewer partitions, while this waited for room.
  Result<void> possible = check_partition(*topic, record);
  if (fatal_) possible = fail(*fatal_);
  else if (closed_) possible = fail(ErrorCode::kUnavailable, "the producer is closed");
  if (!possible) {
    room_.release(static_cast<int64_t>(bytes));
    co_return fail(possible.error());
  }
  co_return append(*topic, record, bytes);
}

Result<void> Producer::check_partition(const OutTopic& topic, const OutRecord& record) {
  const size_t count = topic.known->partitions.size();
  if (count == 0) return fail(ErrorCode::kLeaderNotAvailable, fmt::format("topic \"{}\" has no partitions", record.topic));
  if (!record.partition || static_cast<size_t>(record.partition->value()) < count) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("topic \"{}\" has {} partitions: there is no partition {}", record.topic, count, *record.partition));
}

Delivery Producer::append(OutTopic& topic, const OutRecord& record, size_t bytes) {
  const size_t count = topic.known->partitions.size();
  PartitionIndex partition;
  if (record.partition) partition = *record.partition;
  else if (record.key) partition = partition_of_key(*record.key, count);
  else partition = topic.partitioner.next(*topic.known, bytes, env_.random);
  WEIR_ASSERT(partition.value() >= 0 && static_cast<size_t>(partition.value()) < count, partition, count);

  if (topic.queues.size() < count) topic.queues.resize(count);
  QueuePtr& queue = topic.queues[static_cast<size_t>(partition.value())];
  if (queue == nullptr) {
    queue = std::make_shared<PartitionQueue>();
    queue->topic = &topic;
    queue->index = partition;
    queue->identity = identity_;
  }
  BatchPtr batch = queue->batches.empty() ? nullptr : queue->batches.back();
  const bool fits = batch != nullptr && batch->builder && batch->builder->size_bytes() + bytes <= options_.batch_bytes;
  if (!fits) {
    if (batch != nullptr && batch->builder) (void)close_batch(queue, batch);
    record::BatchOptions options;
    options.compression = options_.compression;
    options.compression_level = options_.compression_level;
    batch = std::make_shared<OutBatch>(options, std::max(bytes + record::kHeaderBytes, std::min<size_t>(options_.batch_bytes, 4096)));
    batch->partition = partition;
    batch->created = env_.executor.now();
    queue->batches.push_back(batch);
    wake_.set();
  }
  batch->builder->add(record.timestamp == kNoTimestamp ? env_.clock.wall_ms() : record.timestamp, record.key, record.value, record.headers);
  batch->charged_bytes += static_cast<int64_t>(bytes);
  return Delivery(batch, batch->records++);
}

Task<Result<void>> Producer::flush(Patience patience) {
  const Counted flushing(flushing_);
  std::vector<BatchPtr> waiting;
  for (const auto& [name, topic] : topics_) {
    for (const QueuePtr& queue : topic->queues) {
      if (queue != nullptr) waiting.insert(waiting.end(), queue->batches.begin(), queue->batches.end());
    }
  }
  wake_.set();
  while (!waiting.empty()) {
    const BatchPtr batch = waiting.back();
    if (batch->is_over()) {
      waiting.pop_back();
      waiting.insert(waiting.end(), batch->parts.begin(), batch->parts.end());
    } else {
      WEIR_CO_CHECK(co_await batch->waiters.wait(env_.executor, patience.deadline, patience.stop));
    }
  }
  co_return Result<void>();
}

Task<void> Producer::close() {
  closed_ = true;
  stop_.request_stop();
  (void)co_await tasks_.join();
  for (const auto& [name, topic] : topics_) {
    for (const QueuePtr& queue : topic->queues) {
      while (queue != nullptr && !queue->batches.empty()) {
        finish(*queue, queue->batches.front(), fail(ErrorCode::kCancelled, "the producer was closed"));
      }
    }
  }
}

// The record builder becomes bytes. False when that fails, and the batch with it.
bool Producer::close_batch(const QueuePtr& queue, const BatchPtr& batch) {
  Result<Bytes> built = std::move(*batch->builder).build(codecs_);
  batch->builder.reset();
  if (!built) {
    finish(*queue, batch, fail(built.error()));
    return false;
  }
  batch->bytes = SharedBytes::copy_of(*built);
  return true;
}

// A batch that is too large for the topic becomes two, which take its place and its sequences. False when that cannot be.
bool Producer::split(PartitionQueue& queue, const BatchPtr& batch) {
  WEIR_ASSERT(!batch->builder && !batch->in_flight, batch->records);
  if (batch->records < 2) return false;
  const auto view = record::BatchView::parse(batch->bytes.view());
  if (!view) return false;
  Bytes scratch;
  const auto records = record::read_records(*view, codecs_, options_.buffer_bytes * 2, scratch);
  if (!records || records->size() != static_cast<size_t>(batch->records)) return false;
  const size_t half = records->size() / 2;
  std::vector<BatchPtr> parts;
  for (const auto& [first, last] : {std::pair(size_t{0}, half), std::pair(half, records->size())}) {
    record::BatchOptions options;
    options.compression = options_.compression;
    options.compression_level = options_.compression_level;
    const BatchPtr part = std::make_shared<OutBatch>(options, batch->bytes.size() / 2);
    for (size_t i = first; i < last; ++i) part->builder->add_record(part->records++, (*records)[i]);
    Result<Bytes> built = std::move(*part->builder).build(codecs_);
    part->builder.reset();
    if (!built) return false;
    part->bytes = SharedBytes::copy_of(*built);
    part->partition = batch->partition;
    part->created = batch->created;
    part->charged_bytes = parts.empty() ? batch->charged_bytes / 2 : batch->charged_bytes - batch->charged_bytes / 2;
    if (batch->base_sequence >= 0) {
      part->base_sequence = parts.empty() ? batch->base_sequence : sequence_after(batch->base_sequence, parts.front()->records);
      record::set_producer(part->bytes.mutable_view(), queue.identity->id, queue.identity->epoch, part->base_sequence);
    }
    parts.push_back(part);
  }
  const auto at = std::ranges::find(queue.batches, batch);
  WEIR_ASSERT(at != queue.batches.end());
  queue.batches.insert(queue.batches.erase(at), parts.begin(), parts.end());
  batch->bytes = SharedBytes();
  batch->parts = std::move(parts);
  batch->waiters.notify_all();
  return true;
}

void Producer::finish(PartitionQueue& queue, BatchPtr batch, Result<Offset> outcome) {
  WEIR_ASSERT(!batch->outcome.has_value());
  std::erase(queue.batches, batch);
  if (outcome) records_stored_ += static_cast<size_t>(batch->records);
  batch->outcome = std::move(outcome);
  batch->bytes = SharedBytes();
  room_.release(batch->charged_bytes);
  batch->waiters.notify_all();
}

}  // namespace weir::client
