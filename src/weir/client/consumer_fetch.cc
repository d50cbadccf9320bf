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
  std::map<int64_t, std::vector<PartitionIndex>> questions;
  for (const auto& [key, place] : places_) {
    if (key.topic != name) continue;
    const auto partition = std::ranges::find(topic->partitions, key.index, &Partition::index);
    if (partition == topic->partitions.end()) {
      place->error = Error(ErrorCode::kUnknownTopicOrPartition, fmt::format("topic \"{}\" has no partition {}", name, key.index));
      continue;
    }
    place->leader = partition->leader;
    place->leader_epoch = partition->leader_epoch;
    place->topic_id = topic->id;
    if (place->leader == kNoBroker) again_later(*place, true);
    if (place->fetch_from) continue;
    switch (place->start.kind) {
      case Start::Kind::kBeginning: questions[kEarliest].push_back(key.index); break;
      case Start::Kind::kTimestamp: questions[place->start.value].push_back(key.index); break;
      default: questions[kLatest].push_back(key.index);
    }
  }
  const Isolation isolation = options_.read_committed ? Isolation::kReadCommitted : Isolation::kReadUncommitted;
  for (const auto& [timestamp, partitions] : questions) {
    WEIR_CO_TRY(const auto offsets, co_await admin_.list_offsets(name, partitions, timestamp, once, isolation));
    std::vector<PartitionIndex> behind;  // no record is as young as the timestamp
    for (const PartitionOffset& found : offsets) {
      const auto place = places_.find(PartitionKey{name, found.partition});
      if (place == places_.end() || place->second->fetch_from) continue;
      if (found.offset < Offset(0)) behind.push_back(found.partition);
      else place->second->fetch_from = place->second->deliver_from = found.offset;
    }
    if (behind.empty()) continue;
    WEIR_CO_TRY(const auto ends, co_await admin_.list_offsets(name, behind, kLatest, once, isolation));
    for (const PartitionOffset& found : ends) {
      const auto place = places_.find(PartitionKey{name, found.partition});
      if (place != places_.end() && !place->second->fetch_from) place->second->fetch_from = place->second->deliver_from = found.offset;
    }
  }
  co_return Result<void>();
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

// False when there is nothing to ask now.
Task<bool> Consumer::fetch_once(BrokerId broker, Fetcher& fetcher) {
  if (stock_bytes_ >= options_.prefetch_bytes) co_return false;
  const Patience patience = cluster_.one_attempt({Deadline::never(), stop_.token()});
  const auto connection = co_await cluster_.broker(broker, lane_, patience);
  std::vector<FetchSession::Wanted> wanted;
  std::map<PartitionKey, Asked> asked;
  bool has_ids = true;
  for (const auto& [key, place] : places_) {
    if (place->leader != broker || !is_fetchable(*place)) continue;
    FetchSession::Wanted one{key, place->topic_id, {}};
    one.partition.partition = key.index;
    one.partition.current_leader_epoch = place->leader_epoch;
    one.partition.fetch_offset = *place->fetch_from;
    one.partition.last_fetched_epoch = place->last_epoch;
    one.partition.partition_max_bytes = halved(options_.partition_bytes_max, fetcher.halvings);
    wanted.push_back(std::move(one));
    asked.emplace(key, Asked{place, place->generation, *place->fetch_from});
    has_ids = has_ids && !place->topic_id.is_zero();
  }
  if (wanted.empty()) co_return false;
  const int16_t version_max = has_ids ? INT16_MAX : FetchSession::kTopicIdVersion - 1;
  const auto version = connection ? (*connection)->version_of(protocol::ApiKey::kFetch, version_max) : fail(connection.error());
  Result<protocol::FetchResponse> answer = fail(ErrorCode::kUnavailable);
  if (version) {
    protocol::FetchRequest request;
    request.max_wait_ms = static_cast<int32_t>(options_.wait_max / 1ms);
    request.min_bytes = options_.bytes_min;
    request.max_bytes = halved(options_.bytes_max, fetcher.halvings);
    request.isolation_level = options_.read_committed ? 1 : 0;
    fetcher.session.fill(request, wanted, *version);
    answer = co_await (*connection)->call(std::move(request), patience, version_max);
  } else {
    answer = fail(version.error());
  }
  if (!answer) {
    fetcher.session.reset();
    if (answer.error().code() == ErrorCode::kCancelled) co_return false;
    if (version && answer.error().code() == ErrorCode::kDeadlineExceeded) {
      fetcher.halvings = std::min(fetcher.halvings + 1, kHalvingsMax);
      fetcher.good_answers = 0;
    }
    for (const auto& [key, one] : asked) {
      if (reaction_to(answer.error().code()) == Reaction::kFail) one.place->error = answer.error();
      else again_later(*one.place, true);
    }
    co_return true;
  }
  if (answer->error_code != ErrorCode::kNone) {
    fetcher.session.reset();  // the next request opens another one
    const Reaction reaction = reaction_to(answer->error_code);
    for (const auto& [key, one] : asked) {
      if (reaction == Reaction::kFail) one.place->error = Error(answer->error_code);
      else again_later(*one.place, reaction == Reaction::kRefresh);
    }
    co_return true;
  }
  fetcher.session.accept(*answer);
  if (fetcher.halvings > 0 && ++fetcher.good_answers >= kAnswersBeforeDoubling) {
    --fetcher.halvings;
    fetcher.good_answers = 0;
  }
  bool usable = true;
  for (auto& topic : answer->responses) {
    std::string name = topic.topic;
    if (*version >= FetchSession::kTopicIdVersion) {
      const auto same = std::ranges::find(wanted, topic.topic_id, &FetchSession::Wanted::topic_id);
      if (same == wanted.end()) continue;
      name = same->key.topic;
    }
    for (auto& row : topic.partitions) {
      const auto one = asked.find(PartitionKey{name, row.partition_index});
      if (one != asked.end()) usable = take(one->second, row) && usable;
    }
  }
  if (!usable) fetcher.session.reset();
  co_return true;
}

// False when the session must begin anew to say what the broker should send.
bool Consumer::take(const Asked& asked, protocol::FetchResponse::PartitionData& answer) {
  Place& place = *asked.place;
  if (place.generation != asked.generation || place.fetch_from != asked.offset) return true;  // moved meanwhile
  const ErrorCode code = answer.error_code;
  if (code == ErrorCode::kNone) {
    place.failures = 0;
    place.high_watermark = answer.high_watermark;
    if (answer.diverging_epoch.epoch >= LeaderEpoch(0)) {
      env_.log.warning("{}-{}: the log was cut behind offset {}: going on from {}", place.key.topic, place.key.index, asked.offset,
                       answer.diverging_epoch.end_offset);
      place.fetch_from = std::min(asked.offset, answer.diverging_epoch.end_offset);
      place.last_epoch = answer.diverging_epoch.epoch;
      if (place.chunks.empty()) place.deliver_from = place.fetch_from;
      return true;
    }
    take_records(place, answer);
    return true;
  }
  if (code == ErrorCode::kOffsetOutOfRange) {
    out_of_range(place);
    return true;
  }
  const Reaction reaction = reaction_to(code);
  if (reaction == Reaction::kFail) {
    place.error = Error(code, fmt::format("{}-{}: {}", place.key.topic, place.key.index, weir::name_of(code)));
  } else {
    again_later(place, reaction == Reaction::kRefresh);
  }
  return true;
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
