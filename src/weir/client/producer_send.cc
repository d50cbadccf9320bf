// The producer's sending half: what goes when, in which request, and what an answer means.
#include <algorithm>

#include <fmt/format.h>

#include "weir/client/produce.h"
#include "weir/client/producer_state.h"

namespace weir::client {

using detail::OutBatch;
using detail::OutTopic;
using detail::PartitionQueue;
using record::sequence_after;

namespace {

constexpr size_t kRequestsPerBrokerMax = 5;
constexpr int kFailuresTold = 6;

// Whether the broker has said that it does not have the batch, under whatever producer id it was sent.
bool says_not_stored(ErrorCode code) {
  return code == ErrorCode::kUnknownProducerId || code == ErrorCode::kInvalidProducerIdMapping || code == ErrorCode::kInvalidProducerEpoch;
}

// What a broker's refusal means to who reads it.
std::string reason_of(ErrorCode code) {
  if (code == ErrorCode::kKafkaStorageError) return fmt::format("{}: the broker cannot write, its disk may be full", name_of(code));
  return std::string(name_of(code));
}

}  // namespace

Task<void> Producer::send_loop(Producer* self) {
  const runtime::StopToken stop = self->stop_.token();
  while (!stop.stop_requested()) {
    self->wake_.reset();
    const MonoTime look_again = self->send_what_can_go();
    (void)co_await self->wake_.wait(self->env_.executor, Deadline::at(look_again), stop);
  }
}

MonoTime Producer::send_what_can_go() {
  MonoTime look_again = kFarFuture;
  for (bool more = true; more;) {  // each round sends at least one batch
    more = false;
    std::map<BrokerId, std::vector<Sent>> requests;
    std::map<BrokerId, size_t> sizes;
    for (const auto& [name, topic] : topics_) {
      for (const QueuePtr& queue : topic->queues) {
        if (queue == nullptr || queue->batches.empty()) continue;
        expire(queue, look_again);
        if (fatal_) {
          while (!queue->batches.empty() && queue->in_flight == 0) finish(*queue, queue->batches.front(), fail(*fatal_));
          continue;
        }
        const auto& partitions = topic->known->partitions;
        const auto at = static_cast<size_t>(queue->index.value());
        const BrokerId leader = at < partitions.size() ? partitions[at].leader : kNoBroker;
        if (topic->stale || leader == kNoBroker) {
          topic->stale = true;
          begin_refresh(topic);
          continue;
        }
        if (!requests.contains(leader) && requests_under_way_[leader] >= kRequestsPerBrokerMax) continue;
        if (sizes[leader] >= options_.request_bytes_max) {
          more = true;
          continue;
        }
        const BatchPtr batch = next_batch(queue, look_again);
        if (batch == nullptr) continue;
        batch->in_flight = true;
        ++queue->in_flight;
        sizes[leader] += batch->bytes.size();
        requests[leader].push_back({queue, batch, topic->known});
        more = true;
      }
    }
    if (requests.empty()) break;
    for (auto& [leader, batches] : requests) {
      ++requests_under_way_[leader];
      tasks_.spawn(&send_request, this, leader, std::move(batches));
    }
  }
  return look_again;
}

void Producer::expire(const QueuePtr& queue, MonoTime& look_again) {
  const MonoTime now = env_.executor.now();
  for (size_t i = 0; i < queue->batches.size();) {
    const BatchPtr batch = queue->batches[i];
    const MonoTime due = batch->created + options_.delivery_timeout;
    if (batch->in_flight || due > now) {
      if (!batch->in_flight) look_again = std::min(look_again, due);
      ++i;
      continue;
    }
    if (batch->base_sequence >= 0) queue->gap = true;
    const std::string why = batch->refusal == ErrorCode::kNone ? "" : fmt::format(": {}", reason_of(batch->refusal));
    finish(*queue, batch, fail(ErrorCode::kDeadlineExceeded,
                              fmt::format("{}-{}: not stored within the delivery timeout{}", queue->topic->name, queue->index, why)));
  }
}

// The batch whose turn it is, whether it is due or not.
Producer::BatchPtr Producer::choose(PartitionQueue& queue) {
  const auto waits = [](const BatchPtr& batch) { return !batch->in_flight; };
  if (queue.gap) {
    if (queue.in_flight > 0) return nullptr;
    const auto stamped = std::ranges::find_if(queue.batches, [](const BatchPtr& batch) { return batch->base_sequence >= 0; });
    if (stamped != queue.batches.end()) return *stamped;
    // Nothing that the old producer id may have stored is left.
    if (identity_ == queue.identity) identity_.reset();
    queue.identity.reset();
    queue.next_sequence = 0;
    queue.gap = false;
  }
  const auto first = std::ranges::find_if(queue.batches, waits);
  return first == queue.batches.end() ? nullptr : *first;
}

bool Producer::is_due(const OutBatch& batch, MonoTime& look_again) const {
  if (!batch.builder || batch.builder->size_bytes() >= options_.batch_bytes || flushing_ > 0 || starved_ > 0) return true;
  const MonoTime due = batch.created + options_.linger;
  if (due <= env_.executor.now()) return true;
  look_again = std::min(look_again, due);
  return false;
}

Producer::BatchPtr Producer::next_batch(const QueuePtr& queue, MonoTime& look_again) {
  if (queue->in_flight >= options_.in_flight_max) return nullptr;
  if (queue->recovering) {
    if (queue->in_flight > 0) return nullptr;
    queue->recovering = false;
  }
  if (queue->not_before > env_.executor.now()) {
    look_again = std::min(look_again, queue->not_before);
    return nullptr;
  }
  BatchPtr batch = choose(*queue);
  if (batch == nullptr || !is_due(*batch, look_again)) return nullptr;
  if (options_.idempotent && batch->base_sequence < 0 && queue->identity == nullptr) {
    if (identity_ == nullptr) {
      if (!acquiring_) {
        acquiring_ = true;
        tasks_.spawn(&acquire_identity, this);
      }
      return nullptr;
    }
    queue->identity = identity_;
  }
  if (batch->builder && !close_batch(queue, batch)) return nullptr;
  if (options_.idempotent && batch->base_sequence < 0) stamp(*queue, *batch);
  return batch;
}

void Producer::stamp(PartitionQueue& queue, OutBatch& batch) {
  batch.base_sequence = queue.next_sequence;
  queue.next_sequence = sequence_after(queue.next_sequence, batch.records);
  record::set_producer(batch.bytes.mutable_view(), queue.identity->id, queue.identity->epoch, batch.base_sequence);
}

void Producer::begin_refresh(const TopicState& topic) {
  if (topic->refreshing || stop_.stop_requested()) return;
  topic->refreshing = true;
  tasks_.spawn(&refresh, this, topic);
}

// Until it succeeds, where nothing can be sent before; else once.
Task<void> Producer::refresh(Producer* self, TopicState topic) {
  const runtime::StopToken stop = self->stop_.token();
  const MonoTime earliest = topic->refreshed + self->cluster_.options().retry_backoff.first;
  if (earliest > self->env_.executor.now()) (void)co_await sleep_until(self->env_.executor, earliest, stop);
  for (int attempt = 0; (attempt == 0 || topic->stale) && !stop.stop_requested(); ++attempt) {
    self->cluster_.forget(topic->name);
    const Patience once = self->cluster_.one_attempt({Deadline::never(), stop});
    const Result<TopicPtr> known = co_await self->cluster_.topic(topic->name, once);
    if (known && !(*known)->partitions.empty()) {
      topic->known = *known;
      topic->stale = false;
      const bool is_led = std::ranges::any_of((*known)->partitions, [](const Partition& one) { return one.leader != kNoBroker; });
      if (is_led) break;
    }
    // Batches that wait for it expire meanwhile.
    self->wake_.set();
    (void)co_await self->cluster_.back_off(attempt, Error(ErrorCode::kLeaderNotAvailable), {Deadline::never(), stop});
  }
  topic->refreshed = self->env_.executor.now();
  topic->refreshing = false;
  self->wake_.set();
}

Task<void> Producer::acquire_identity(Producer* self) {
  const auto identity = co_await new_producer_identity(self->cluster_, {Deadline::never(), self->stop_.token()});
  if (identity) self->identity_ = std::make_shared<ProducerIdentity>(*identity);
  else if (identity.error().code() != ErrorCode::kCancelled) self->fatal_ = identity.error();
  self->acquiring_ = false;
  self->wake_.set();
}

Task<void> Producer::send_request(Producer* self, BrokerId leader, std::vector<Sent> batches) {
  const auto settle_all = [&](const Error& error) {
    for (const Sent& sent : batches) self->settle(sent, error.code(), error.message(), kNoOffset);
  };
  const Patience patience = self->cluster_.one_attempt({Deadline::never(), self->stop_.token()});
  const auto connection = co_await self->cluster_.broker(leader, rpc::Lane::kQuick, patience);
  const bool has_ids = std::ranges::all_of(batches, [](const Sent& sent) { return !sent.topic->id.is_zero(); });
  const int16_t version_max = has_ids ? INT16_MAX : kProduceTopicIdVersion - 1;
  const auto version = connection ? (*connection)->version_of(protocol::ApiKey::kProduce, version_max) : fail(connection.error());
  if (!version) {
    settle_all(version.error());
  } else {
    protocol::ProduceRequest request;
    request.acks = self->options_.acks;
    request.timeout_ms = static_cast<int32_t>(self->cluster_.options().request_timeout / 1ms);
    OutTopic* last = nullptr;
    for (const Sent& sent : batches) {  // grouped by topic already
      if (sent.queue->topic != last) {
        last = sent.queue->topic;
        auto& topic = request.topic_data.emplace_back();
        if (*version >= kProduceTopicIdVersion) topic.topic_id = sent.topic->id;
        else topic.name = last->name;
      }
      request.topic_data.back().partition_data.push_back({.index = sent.queue->index, .records = protocol::Records(sent.batch->bytes)});
    }
    if (self->options_.acks == 0) {
      const auto posted = co_await (*connection)->post(std::move(request), patience, version_max);
      if (posted) for (const Sent& sent : batches) self->settle(sent, ErrorCode::kNone, "", kNoOffset);
      else settle_all(posted.error());
    } else {
      const auto answer = co_await (*connection)->call(std::move(request), patience, version_max);
      if (!answer) settle_all(answer.error());
      for (const Sent& sent : answer ? batches : std::vector<Sent>()) {
        const protocol::ProduceResponse::PartitionProduceResponse* mine = nullptr;
        for (const auto& topic : answer->responses) {
          const bool same = *version >= kProduceTopicIdVersion ? topic.topic_id == sent.topic->id : topic.name == sent.queue->topic->name;
          for (const auto& row : topic.partition_responses) {
            if (same && row.index == sent.queue->index) mine = &row;
          }
        }
        if (mine == nullptr) self->settle(sent, ErrorCode::kUnknownTopicOrPartition, "the broker did not answer for the partition", kNoOffset);
        else self->settle(sent, mine->error_code, mine->error_message.value_or(""), mine->base_offset);
      }
    }
  }
  --self->requests_under_way_[leader];
  self->wake_.set();
}

void Producer::settle(const Sent& sent, ErrorCode code, std::string message, Offset base_offset) {
  PartitionQueue& queue = *sent.queue;
  sent.batch->in_flight = false;
  WEIR_ASSERT(queue.in_flight > 0);
  --queue.in_flight;
  if (code == ErrorCode::kNone || code == ErrorCode::kDuplicateSequenceNumber) {
    queue.failures = 0;
    finish(queue, sent.batch, base_offset);
  } else {
    settle_failure(sent, code, std::move(message));
  }
}

void Producer::settle_failure(const Sent& sent, ErrorCode code, std::string message) {
  PartitionQueue& queue = *sent.queue;
  const BatchPtr& batch = sent.batch;
  batch->refusal = code;
  const auto fail_for_good = [&] {
    if (batch->base_sequence >= 0) queue.gap = true;
    const std::string what = message.empty() ? std::string(name_of(code)) : message;
    finish(queue, batch, fail(code, fmt::format("{}-{}: {}", queue.topic->name, queue.index, what)));
  };
  if (code == ErrorCode::kOutOfOrderSequenceNumber) {
    // Behind a gap, or behind a batch that came back, this is how the broker must answer. For the oldest batch it means that
    // the broker lost what it had acknowledged.
    if (queue.gap) batch->base_sequence = -1;
    else if (queue.batches.front() == batch) return fail_for_good();
    queue.recovering = true;
    return;
  }
  // Nothing of it was stored. What went after it comes back, and goes again behind its parts.
  if (code == ErrorCode::kMessageTooLarge && split(queue, batch)) {
    queue.recovering = true;
    return;
  }
  if (options_.idempotent && says_not_stored(code)) {
    batch->base_sequence = -1;
    queue.gap = true;
    return retry_later(queue, code);
  }
  const Reaction reaction = reaction_to(code);
  const bool out_of_time = env_.executor.now() >= batch->created + options_.delivery_timeout;
  if (reaction == Reaction::kFail || out_of_time) return fail_for_good();
  if (reaction == Reaction::kRefresh) queue.topic->stale = true;
  retry_later(queue, code);
}

void Producer::retry_later(PartitionQueue& queue, ErrorCode code) {
  env_.log.debug("{}-{}: {}, sending again", queue.topic->name, queue.index, name_of(code));
  if (queue.failures == kFailuresTold) {  // after some seconds: nobody should wonder for two minutes what is going on
    env_.log.error("{}-{}: nothing is stored ({}); sending again for {} s at most", queue.topic->name, queue.index, reason_of(code),
                   options_.delivery_timeout / 1s);
  }
  queue.recovering = true;
  queue.not_before = env_.executor.now() + cluster_.options().retry_backoff.after(++queue.failures);
}

}  // namespace weir::client
