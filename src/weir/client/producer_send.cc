// The producer's sending half: what goes when, in which request, and what an answer means.
#include <algorithm>

#include <fmt/format.h>

#include "weir/client/produce.h"
#include "weir/client/producer_state.h"

namespace weir::client {

using detail::OutBatch;
using detail::OutLane;
using detail::OutTopic;
using detail::sequence_after;

namespace {

constexpr size_t kRequestsPerBrokerMax = 5;
constexpr int kDoublingsMax = 10;

// Whether the broker has said that it does not have the batch, under whatever producer id it was sent.
bool says_not_stored(ErrorCode code) {
  return code == ErrorCode::kUnknownProducerId || code == ErrorCode::kInvalidProducerIdMapping || code == ErrorCode::kInvalidProducerEpoch;
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
      for (const LanePtr& lane : topic->lanes) {
        if (lane == nullptr || lane->batches.empty()) continue;
        expire(lane, look_again);
        if (fatal_) {
          while (!lane->batches.empty() && lane->in_flight == 0) finish(*lane, lane->batches.front(), fail(*fatal_));
          continue;
        }
        const auto& partitions = topic->known->partitions;
        const auto at = static_cast<size_t>(lane->index.value());
        const BrokerId leader = at < partitions.size() ? partitions[at].leader : kNoBroker;
        if (topic->stale || leader == kNoBroker) {
          topic->stale = true;
          if (!topic->refreshing) {
            topic->refreshing = true;
            tasks_.spawn(&refresh, this, topic);
          }
          continue;
        }
        if (!requests.contains(leader) && requests_under_way_[leader] >= kRequestsPerBrokerMax) continue;
        if (sizes[leader] >= options_.request_bytes_max) {
          more = true;
          continue;
        }
        const BatchPtr batch = next_batch(lane, look_again);
        if (batch == nullptr) continue;
        batch->in_flight = true;
        ++lane->in_flight;
        sizes[leader] += batch->bytes.size();
        requests[leader].push_back({lane, batch, topic->known});
        more = true;
      }
    }
    if (requests.empty()) break;
    for (auto& [leader, batches] : requests) {
      ++requests_under_way_[leader];
      ++requests_sent_;
      bytes_sent_ += sizes[leader];
      tasks_.spawn(&send_request, this, leader, std::move(batches));
    }
  }
  return look_again;
}

void Producer::expire(const LanePtr& lane, MonoTime& look_again) {
  const MonoTime now = env_.executor.now();
  for (size_t i = 0; i < lane->batches.size();) {
    const BatchPtr batch = lane->batches[i];
    const MonoTime due = batch->created + options_.delivery_timeout;
    if (batch->in_flight || due > now) {
      if (!batch->in_flight) look_again = std::min(look_again, due);
      ++i;
      continue;
    }
    if (batch->base_sequence >= 0) lane->gap = true;
    finish(*lane, batch, fail(ErrorCode::kDeadlineExceeded,
                              fmt::format("{}-{}: not stored within the delivery timeout", lane->topic->name, lane->index)));
  }
}

// The batch whose turn it is, whether it is due or not.
Producer::BatchPtr Producer::choose(OutLane& lane) {
  const auto waits = [](const BatchPtr& batch) { return !batch->in_flight; };
  if (lane.gap) {
    if (lane.in_flight > 0) return nullptr;
    const auto stamped = std::ranges::find_if(lane.batches, [](const BatchPtr& batch) { return batch->base_sequence >= 0; });
    if (stamped != lane.batches.end()) return *stamped;
    // Nothing that the old producer id may have stored is left.
    if (identity_ == lane.identity) identity_.reset();
    lane.identity.reset();
    lane.next_sequence = 0;
    lane.gap = false;
  }
  const auto first = std::ranges::find_if(lane.batches, waits);
  return first == lane.batches.end() ? nullptr : *first;
}

bool Producer::is_due(const OutBatch& batch, MonoTime& look_again) const {
  if (!batch.builder || batch.builder->size_bytes() >= options_.batch_bytes || flushing_ > 0 || starved_ > 0) return true;
  const MonoTime due = batch.created + options_.linger;
  if (due <= env_.executor.now()) return true;
  look_again = std::min(look_again, due);
  return false;
}

Producer::BatchPtr Producer::next_batch(const LanePtr& lane, MonoTime& look_again) {
  if (lane->in_flight >= options_.in_flight_max) return nullptr;
  if (lane->recovering) {
    if (lane->in_flight > 0) return nullptr;
    lane->recovering = false;
  }
  if (lane->not_before > env_.executor.now()) {
    look_again = std::min(look_again, lane->not_before);
    return nullptr;
  }
  BatchPtr batch = choose(*lane);
  if (batch == nullptr || !is_due(*batch, look_again)) return nullptr;
  if (options_.idempotent && batch->base_sequence < 0 && lane->identity == nullptr) {
    if (identity_ == nullptr) {
      if (!acquiring_) {
        acquiring_ = true;
        tasks_.spawn(&acquire_identity, this);
      }
      return nullptr;
    }
    lane->identity = identity_;
  }
  if (batch->builder && !close_batch(lane, batch)) return nullptr;
  if (options_.idempotent && batch->base_sequence < 0) stamp(*lane, *batch);
  return batch;
}

void Producer::stamp(OutLane& lane, OutBatch& batch) {
  batch.base_sequence = lane.next_sequence;
  lane.next_sequence = sequence_after(lane.next_sequence, batch.records);
  record::set_producer(batch.bytes.mutable_view(), lane.identity->id, lane.identity->epoch, batch.base_sequence);
}

Task<void> Producer::refresh(Producer* self, TopicState topic) {
  const runtime::StopToken stop = self->stop_.token();
  const MonoTime earliest = topic->refreshed + self->cluster_.options().retry_backoff;
  if (earliest > self->env_.executor.now()) (void)co_await sleep_until(self->env_.executor, earliest, stop);
  for (int attempt = 0; topic->stale && !stop.stop_requested(); ++attempt) {
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
      if (sent.lane->topic != last) {
        last = sent.lane->topic;
        auto& topic = request.topic_data.emplace_back();
        if (*version >= kProduceTopicIdVersion) topic.topic_id = sent.topic->id;
        else topic.name = last->name;
      }
      request.topic_data.back().partition_data.push_back({.index = sent.lane->index, .records = protocol::Records(sent.batch->bytes)});
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
          const bool same = *version >= kProduceTopicIdVersion ? topic.topic_id == sent.topic->id : topic.name == sent.lane->topic->name;
          for (const auto& row : topic.partition_responses) {
            if (same && row.index == sent.lane->index) mine = &row;
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
  OutLane& lane = *sent.lane;
  sent.batch->in_flight = false;
  WEIR_ASSERT(lane.in_flight > 0);
  --lane.in_flight;
  if (code == ErrorCode::kNone || code == ErrorCode::kDuplicateSequenceNumber) {
    lane.failures = 0;
    finish(lane, sent.batch, base_offset);
  } else {
    settle_failure(sent, code, std::move(message));
  }
}

void Producer::settle_failure(const Sent& sent, ErrorCode code, std::string message) {
  OutLane& lane = *sent.lane;
  const BatchPtr& batch = sent.batch;
  const auto fail_for_good = [&] {
    if (batch->base_sequence >= 0) lane.gap = true;
    const std::string what = message.empty() ? std::string(name_of(code)) : message;
    finish(lane, batch, fail(code, fmt::format("{}-{}: {}", lane.topic->name, lane.index, what)));
  };
  if (code == ErrorCode::kOutOfOrderSequenceNumber) {
    // Behind a gap, or behind a batch that came back, this is how the broker must answer. For the oldest batch it means that
    // the broker lost what it had acknowledged.
    if (lane.gap) batch->base_sequence = -1;
    else if (lane.batches.front() == batch) return fail_for_good();
    lane.recovering = true;
    return;
  }
  // Nothing of it was stored. What went after it comes back, and goes again behind its parts.
  if (code == ErrorCode::kMessageTooLarge && split(lane, batch)) {
    lane.recovering = true;
    return;
  }
  if (options_.idempotent && says_not_stored(code)) {
    batch->base_sequence = -1;
    lane.gap = true;
    return retry_later(lane, code);
  }
  const Reaction reaction = reaction_to(code);
  const bool out_of_time = env_.executor.now() >= batch->created + options_.delivery_timeout;
  if (reaction == Reaction::kFail || out_of_time) return fail_for_good();
  if (reaction == Reaction::kRefresh) lane.topic->stale = true;
  retry_later(lane, code);
}

void Producer::retry_later(OutLane& lane, ErrorCode code) {
  env_.log.debug("{}-{}: {}, sending again", lane.topic->name, lane.index, name_of(code));
  lane.recovering = true;
  const ClientOptions& options = cluster_.options();
  const Duration pause = std::min(options.retry_backoff_max, options.retry_backoff * (1 << std::min(lane.failures++, kDoublingsMax)));
  lane.not_before = env_.executor.now() + pause;
}

}  // namespace weir::client
