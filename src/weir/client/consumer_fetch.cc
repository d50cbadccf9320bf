// The consumer's fetching half: finds leaders and offsets, asks brokers, puts answers into the stock.
#include <algorithm>

#include <fmt/format.h>

#include "weir/client/consumer.h"
#include "weir/record/batches.h"

namespace weir::client {

namespace {
constexpr int kHalvingsMax = 16;
constexpr int kAnswersBeforeDoubling = 16;
constexpr int32_t kAskedBytesMin = 1 << 10;

int32_t halved(int32_t bytes, int times) { return std::max(bytes >> times, std::min(bytes, kAskedBytesMin)); }
}  // namespace

// Leaders and first offsets of the partitions that lack them, topic by topic.
Task<void> Consumer::resolve(Consumer* self) {
  const runtime::StopToken stop = self->stop_.token();
  std::vector<std::string> topics;
  for (const auto& [key, place] : self->places_) {
    const bool lacks = !place->fetch_from || place->leader == kNoBroker;
    const bool is_due = !place->rests && !place->error && place->not_before <= self->env_.executor.now();
    if (lacks && is_due && (topics.empty() || topics.back() != key.topic)) topics.push_back(key.topic);
  }
  for (const std::string& topic : topics) {
    const Result<void> resolved = co_await self->resolve_topic(topic);
    if (resolved || stop.stop_requested()) continue;
    for (const auto& [key, place] : self->places_) {
      if (key.topic != topic || (place->fetch_from && place->leader != kNoBroker)) continue;
      // A topic that is unknown even after some patience is gone.
      const bool is_gone = resolved.error().code() == ErrorCode::kUnknownTopicOrPartition;
      if (is_gone || reaction_to(resolved.error().code()) == Reaction::kFail) place->error = resolved.error();
      else self->again_later(*place, true);
    }
  }
  self->resolving_ = false;
  self->news_.notify_all();
}

Task<Result<void>> Consumer::resolve_topic(std::string name) {
  const Patience once = cluster_.one_attempt({Deadline::never(), stop_.token()});
  WEIR_CO_TRY(const TopicPtr topic, co_await cluster_.topic(name, once));
  std::map<int64_t, std::vector<PlacePtr>> questions;  // by timestamp
  for (const auto& [key, place] : places_) {
    if (key.topic != name) continue;
    const Partition* const partition = topic->partition(key.index);
    if (partition == nullptr) {
      place->error = Error(ErrorCode::kUnknownTopicOrPartition, fmt::format("topic \"{}\" has no partition {}", name, key.index));
      continue;
    }
    place->leader = partition->leader;
    place->leader_epoch = partition->leader_epoch;
    place->topic_id = topic->id;
    if (place->leader == kNoBroker) again_later(*place, true);
    if (place->fetch_from) continue;
    switch (place->start.kind) {
      case Start::Kind::kBeginning: questions[kEarliest].push_back(place); break;
      case Start::Kind::kTimestamp: questions[place->start.value].push_back(place); break;
      default: questions[kLatest].push_back(place);
    }
  }
  for (const auto& [timestamp, places] : questions) {
    WEIR_CO_TRY(std::vector<PlacePtr> behind, co_await begin_at(name, places, timestamp, once));
    if (!behind.empty()) WEIR_CO_CHECK(co_await begin_at(name, std::move(behind), kLatest, once));
  }
  co_return Result<void>();
}

// Lets `places` begin at their first record that is as young as `timestamp`; returns those that have none.
Task<Result<std::vector<Consumer::PlacePtr>>> Consumer::begin_at(std::string topic, std::vector<PlacePtr> places, int64_t timestamp,
                                                                 Patience patience) {
  std::vector<PartitionIndex> partitions;
  for (const PlacePtr& place : places) partitions.push_back(place->key.index);
  const Isolation isolation = options_.read_committed ? Isolation::kReadCommitted : Isolation::kReadUncommitted;
  WEIR_CO_TRY(const auto offsets, co_await admin_.list_offsets(std::move(topic), std::move(partitions), timestamp, patience, isolation));
  std::vector<PlacePtr> behind;
  for (const PlacePtr& place : places) {
    const auto found = std::ranges::lower_bound(offsets, place->key.index, {}, &PartitionOffset::partition);
    const bool has_one = found != offsets.end() && found->partition == place->key.index && found->offset >= Offset(0);
    if (has_one) place->fetch_from = place->deliver_from = found->offset;
    else behind.push_back(place);
  }
  co_return behind;
}

Task<void> Consumer::fetch_from(Consumer* self, BrokerId broker) {
  Fetcher& fetcher = self->fetchers_[broker];  // stays where it is
  bool again = true;
  while (again && !self->stop_.stop_requested()) {
    again = co_await self->fetch_once(broker, fetcher);
    self->news_.notify_all();
  }
  fetcher.running = false;
  self->news_.notify_all();
}

Consumer::Round Consumer::next_round(BrokerId broker, const Fetcher& fetcher) const {
  Round round;
  for (const auto& [key, place] : places_) {
    if (place->leader != broker || !is_fetchable(*place)) continue;
    FetchSession::Wanted& one = round.wanted.emplace_back(FetchSession::Wanted{key, place->topic_id, {}});
    one.partition.partition = key.index;
    one.partition.current_leader_epoch = place->leader_epoch;
    one.partition.fetch_offset = *place->fetch_from;
    one.partition.last_fetched_epoch = place->last_epoch;
    one.partition.partition_max_bytes = halved(options_.partition_bytes_max, fetcher.halvings);
    round.asked.emplace(key, Asked{place, *place->fetch_from});
    if (place->topic_id.is_zero()) round.version_max = FetchSession::kTopicIdVersion - 1;
  }
  return round;
}

// False when there is nothing to ask now.
Task<bool> Consumer::fetch_once(BrokerId broker, Fetcher& fetcher) {
  if (stock_bytes_ >= options_.prefetch_bytes) co_return false;
  const Patience patience = cluster_.one_attempt({Deadline::never(), stop_.token()});
  const auto connection = co_await cluster_.broker(broker, lane_, patience);
  Round round = next_round(broker, fetcher);
  if (round.wanted.empty()) co_return false;
  Result<protocol::FetchResponse> answer = fail(ErrorCode::kUnavailable);
  if (connection) answer = co_await ask(*connection, fetcher, round, patience);
  else answer = fail(connection.error());
  if (!answer) {
    if (answer.error().code() == ErrorCode::kCancelled) co_return false;
    round_failed(fetcher, round, answer.error());
  } else if (answer->error_code != ErrorCode::kNone) {
    fetcher.session.reset();  // the next request opens another one
    const Reaction reaction = reaction_to(answer->error_code);
    for (const auto& [key, one] : round.asked) {
      if (reaction == Reaction::kFail) one.place->error = Error(answer->error_code);
      else again_later(*one.place, reaction == Reaction::kRefresh);
    }
  } else {
    fetcher.session.accept(*answer);
    if (fetcher.halvings > 0 && ++fetcher.good_answers >= kAnswersBeforeDoubling) {
      --fetcher.halvings;
      fetcher.good_answers = 0;
    }
    take_all(round, *answer);
  }
  co_return true;
}

Task<Result<protocol::FetchResponse>> Consumer::ask(ConnectionPtr connection, Fetcher& fetcher, Round& round, Patience patience) {
  WEIR_CO_TRY(round.version, connection->version_of(protocol::ApiKey::kFetch, round.version_max));
  protocol::FetchRequest request;
  request.max_wait_ms = static_cast<int32_t>(options_.wait_max / 1ms);
  request.min_bytes = options_.bytes_min;
  request.max_bytes = halved(options_.bytes_max, fetcher.halvings);
  request.isolation_level = options_.read_committed ? 1 : 0;
  fetcher.session.fill(request, round.wanted, round.version);
  co_return co_await connection->call(std::move(request), patience, round.version_max);
}

void Consumer::round_failed(Fetcher& fetcher, const Round& round, const Error& error) {
  fetcher.session.reset();
  if (round.version >= 0 && error.code() == ErrorCode::kDeadlineExceeded) {
    fetcher.halvings = std::min(fetcher.halvings + 1, kHalvingsMax);
    fetcher.good_answers = 0;
  }
  for (const auto& [key, one] : round.asked) {
    if (reaction_to(error.code()) == Reaction::kFail) one.place->error = error;
    else again_later(*one.place, true);
  }
}

void Consumer::take_all(const Round& round, protocol::FetchResponse& answer) {
  for (auto& topic : answer.responses) {
    std::string name = topic.topic;
    if (round.version >= FetchSession::kTopicIdVersion) {
      const auto same = std::ranges::find(round.wanted, topic.topic_id, &FetchSession::Wanted::topic_id);
      if (same == round.wanted.end()) continue;
      name = same->key.topic;
    }
    for (auto& row : topic.partitions) {
      const auto one = round.asked.find(PartitionKey{name, row.partition_index});
      if (one != round.asked.end()) take(one->second, row);
    }
  }
}

void Consumer::take(const Asked& asked, protocol::FetchResponse::PartitionData& answer) {
  Place& place = *asked.place;
  if (!is_current(asked.place) || place.fetch_from != asked.offset) return;  // moved meanwhile
  const ErrorCode code = answer.error_code;
  if (code == ErrorCode::kOffsetOutOfRange) return out_of_range(place);
  if (code != ErrorCode::kNone) {
    const Reaction reaction = reaction_to(code);
    if (reaction != Reaction::kFail) return again_later(place, reaction == Reaction::kRefresh);
    place.error = Error(code, fmt::format("{}-{}: {}", place.key.topic, place.key.index, weir::name_of(code)));
    return;
  }
  place.failures = 0;
  place.high_watermark = answer.high_watermark;
  if (answer.diverging_epoch.epoch < LeaderEpoch(0)) return take_records(place, answer);
  env_.log.warning("{}-{}: the log was cut behind offset {}: going on from {}", place.key.topic, place.key.index, asked.offset,
                   answer.diverging_epoch.end_offset);
  place.fetch_from = std::min(asked.offset, answer.diverging_epoch.end_offset);
  place.last_epoch = answer.diverging_epoch.epoch;
  if (place.chunks.empty()) place.deliver_from = place.fetch_from;
}

void Consumer::take_records(Place& place, protocol::FetchResponse::PartitionData& answer) {
  if (answer.records.empty()) return;
  Chunk chunk;
  chunk.bytes = answer.records.joined();
  record::Batches batches(chunk.bytes.view());
  std::optional<Offset> next;
  for (;;) {
    const auto batch = batches.next();
    if (!batch) {
      if (!next) place.error = batch.error().within(fmt::format("{}-{}", place.key.topic, place.key.index));
      break;
    }
    if (!*batch) break;
    next = (*batch)->next_offset();
    if ((*batch)->v2() != nullptr) place.last_epoch = (*batch)->v2()->leader_epoch();
  }
  if (!next || *next <= *place.fetch_from) return;  // nothing whole, or all before what was asked
  if (answer.aborted_transactions) {
    for (const auto& one : *answer.aborted_transactions) chunk.aborted.emplace_back(one.first_offset, one.producer_id);
    std::ranges::sort(chunk.aborted);
  }
  place.fetch_from = *next;
  stock_bytes_ += chunk.bytes.size();
  place.chunks.push_back(std::move(chunk));
}

void Consumer::out_of_range(Place& place) {
  if (!place.chunks.empty()) return again_later(place, false);  // what was fetched is handed out first
  if (!options_.reset) {
    place.error = Error(ErrorCode::kOffsetOutOfRange,
                        fmt::format("{}-{}: offset {} is not in the log", place.key.topic, place.key.index, *place.fetch_from));
    return;
  }
  place.start = {*options_.reset, 0};
  place.fetch_from.reset();
  place.deliver_from.reset();
  place.last_epoch = place.deliver_epoch = kNoLeaderEpoch;  // of another place in the log: it would be out of range again
}

}  // namespace weir::client
