#include "weir/client/consumer.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/record/batches.h"
#include "weir/record/control.h"

namespace weir::client {

namespace {
std::string name_of(const PartitionKey& key) { return fmt::format("{}-{}", key.topic, key.index); }
}  // namespace

Consumer::Consumer(Cluster& cluster, ConsumerOptions options)
    : cluster_(cluster), env_(cluster.environment()), options_(options), admin_(cluster), lane_(cluster.own_lane()), tasks_(env_.executor) {}

Consumer::~Consumer() = default;

void Consumer::assign(std::string topic, PartitionIndex partition, Start start) {
  unassign(topic, partition);
  const auto place = std::make_shared<Place>();
  place->key = {std::move(topic), partition};
  place->start = start;
  if (start.kind == Start::Kind::kOffset) {
    place->fetch_from = place->deliver_from = Offset(start.value);
    place->last_epoch = place->deliver_epoch = start.leader_epoch;
  }
  places_[place->key] = place;
  news_.notify_all();
}

void Consumer::unassign(const std::string& topic, PartitionIndex partition) {
  const auto found = places_.find(PartitionKey{topic, partition});
  if (found == places_.end()) return;
  for (const Chunk& chunk : found->second->chunks) stock_bytes_ -= chunk.bytes.size();
  places_.erase(found);
}

bool Consumer::is_current(const PlacePtr& place) const {
  const auto found = places_.find(place->key);
  return found != places_.end() && found->second == place;
}

std::optional<Offset> Consumer::position(const std::string& topic, PartitionIndex partition) const {
  const auto found = places_.find(PartitionKey{topic, partition});
  return found == places_.end() ? std::nullopt : found->second->deliver_from;
}

LeaderEpoch Consumer::position_epoch(const std::string& topic, PartitionIndex partition) const {
  const auto found = places_.find(PartitionKey{topic, partition});
  return found == places_.end() ? kNoLeaderEpoch : found->second->deliver_epoch;
}

Offset Consumer::high_watermark(const std::string& topic, PartitionIndex partition) const {
  const auto found = places_.find(PartitionKey{topic, partition});
  return found == places_.end() ? kNoOffset : found->second->high_watermark;
}

Task<void> Consumer::close() {
  stop_.request_stop();
  (void)co_await tasks_.join();
  cluster_.give_back(lane_);
}

Task<Result<std::optional<ConsumedBatch>>> Consumer::poll(Patience patience) {
  for (;;) {
    // Partitions take turns: the one after the last is first.
    auto at = last_polled_ ? places_.upper_bound(*last_polled_) : places_.begin();
    for (size_t i = 0; i < places_.size(); ++i, ++at) {
      if (at == places_.end()) at = places_.begin();
      Place& place = *at->second;
      if (place.error) {
        Error error = std::move(*place.error);
        place.error.reset();
        place.rests = true;
        co_return fail(std::move(error));
      }
      auto batch = next_batch(place);
      if (!batch) {
        place.rests = true;
        co_return fail(batch.error().within(name_of(place.key)));
      }
      if (*batch) {
        last_polled_ = place.key;
        start_what_is_due();
        co_return std::move(*batch);
      }
    }
    start_what_is_due();
    if (interrupted_) {
      interrupted_ = false;
      co_return std::optional<ConsumedBatch>();
    }
    const MonoTime until = std::min(patience.deadline.when, next_due());
    const Result<void> woken = co_await news_.wait(env_.executor, Deadline::at(until), patience.stop);
    if (!woken && woken.error().code() == ErrorCode::kCancelled) co_return fail(ErrorCode::kCancelled);
    if (!woken && env_.executor.now() >= patience.deadline.when) co_return std::optional<ConsumedBatch>();
  }
}

Result<std::optional<ConsumedBatch>> Consumer::next_batch(Place& place) {
  while (!place.chunks.empty() && !place.rests) {
    Chunk& chunk = place.chunks.front();
    record::Batches batches(chunk.bytes.view().subspan(chunk.at));
    WEIR_TRY(const std::optional<record::AnyBatch> found, batches.next());
    if (!found) {
      stock_bytes_ -= chunk.bytes.size();
      place.chunks.pop_front();
      continue;
    }
    if (options_.checks_crc && !found->crc_matches()) {
      return fail(ErrorCode::kCorruptMessage, fmt::format("the batch at offset {} fails its checksum", *place.deliver_from));
    }
    const record::BatchView* v2 = found->v2();
    if (v2 == nullptr) {
      return fail(ErrorCode::kUnsupportedForMessageFormat, "records of a format older than Kafka 0.11 are read by brokers only");
    }
    const Offset from = *place.deliver_from;
    const bool has_records = !is_aborted(chunk, *v2) && !v2->is_control() && found->last_offset() >= from;
    ConsumedBatch out;
    if (has_records) {
      WEIR_TRY(out, read_batch(place, chunk.bytes.slice(chunk.at, found->size_bytes())));
    }
    // Only now: a batch that cannot be read must not be committed as done.
    chunk.at += found->size_bytes();
    place.deliver_from = std::max(from, found->next_offset());
    place.deliver_epoch = v2->leader_epoch();
    if (!out.records.empty()) return std::optional<ConsumedBatch>(std::move(out));
  }
  return std::optional<ConsumedBatch>();
}

// The records of one batch from where we stand. Views into `scratch` survive moves: a moved vector keeps its block.
Result<ConsumedBatch> Consumer::read_batch(const Place& place, SharedBytes bytes) {
  WEIR_TRY(const record::BatchView view, record::BatchView::parse(bytes.view()));
  ConsumedBatch out;
  out.topic = place.key.topic;
  out.partition = place.key.index;
  out.leader_epoch = view.leader_epoch();
  out.bytes = std::move(bytes);
  WEIR_TRY(record::Records records, record::Records::open(view, codecs_, options_.batch_bytes_max, out.scratch));
  for (;;) {
    WEIR_TRY(const std::optional<record::Record> one, records.next());
    if (!one) break;
    if (one->offset >= *place.deliver_from) out.records.push_back(*one);
  }
  return out;
}

// Keeps account of the transactions that the broker said were aborted. True for their records.
bool Consumer::is_aborted(Chunk& chunk, const record::BatchView& batch) const {
  if (!options_.read_committed || !batch.is_transactional()) return false;
  while (!chunk.aborted.empty() && chunk.aborted.front().first <= batch.last_offset()) {
    chunk.aborting[chunk.aborted.front().second] = true;
    chunk.aborted.erase(chunk.aborted.begin());
  }
  if (batch.is_control()) {
    chunk.aborting.erase(batch.producer_id());
    return false;
  }
  return chunk.aborting.contains(batch.producer_id());
}

bool Consumer::is_fetchable(const Place& place) const {
  return !place.rests && !place.error && place.fetch_from && place.leader != kNoBroker && place.chunks.size() < kChunksMax &&
         place.not_before <= env_.executor.now();
}

MonoTime Consumer::next_due() const {
  MonoTime due = kFarFuture;
  for (const auto& [key, place] : places_) {
    if (place->not_before > env_.executor.now()) due = std::min(due, place->not_before);
  }
  return due;
}

void Consumer::start_what_is_due() {
  if (stop_.stop_requested()) return;
  bool unresolved = false;
  for (const auto& [key, place] : places_) {
    if (is_fetchable(*place) && stock_bytes_ < options_.prefetch_bytes) {
      Fetcher& fetcher = fetchers_[place->leader];
      if (!fetcher.running) {
        fetcher.running = true;
        tasks_.spawn(&fetch_from, this, place->leader);
      }
    }
    const bool lacks = !place->fetch_from || place->leader == kNoBroker;
    unresolved = unresolved || (lacks && !place->rests && !place->error && place->not_before <= env_.executor.now());
  }
  if (unresolved && !resolving_) {
    resolving_ = true;
    tasks_.spawn(&resolve, this);
  }
}

void Consumer::again_later(Place& place, bool refresh) {
  place.not_before = env_.executor.now() + cluster_.options().retry_backoff.after(++place.failures);
  if (!refresh) return;
  cluster_.forget(place.key.topic);
  place.leader = kNoBroker;
}

}  // namespace weir::client
