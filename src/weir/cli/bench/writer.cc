#include "weir/cli/bench/writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/client/partitioner.h"

namespace weir::cli {

LoadWriter::LoadWriter(Shared shared, uint32_t index, uint32_t count)
    : shared_(std::move(shared)),
      executor_(shared_.context.env.executor),
      index_(index),
      count_(count),
      current_(index),
      tasks_(executor_),
      loops_(executor_) {
  const size_t partitions = shared_.topic->partitions.size();
  for (uint32_t key = 0; key < shared_.args.keys; ++key) {
    partition_of_key_.push_back(static_cast<uint32_t>(client::partition_of_key(as_bytes(Payload::key_text(key)), partitions).value()));
  }
}

Task<Result<void>> LoadWriter::open() {
  const client::Patience patience = shared_.context.patience();
  const auto& brokers = shared_.context.cluster.brokers();
  for (const client::Partition& partition : shared_.topic->partitions) {
    auto& link = links_[partition.leader];
    if (link == nullptr) {
      const auto broker = std::ranges::find(brokers, partition.leader, &client::Broker::id);
      if (broker == brokers.end()) co_return fail(ErrorCode::kLeaderNotAvailable, fmt::format("partition {} has no leader", partition.index));
      link = std::make_unique<Link>();
      link->broker = partition.leader;
      WEIR_CO_TRY(link->connection, co_await rpc::Connection::open(shared_.context.env, loops_, broker->endpoint, {.client_id = "weir-bench"}, patience));
    }
    lanes_.push_back({partition.index, link.get(), {}, false});
  }
  current_ = index_ % lanes_.size();
  co_return Result<void>();
}

Task<void> LoadWriter::close() {
  for (auto& [id, link] : links_) {
    if (link->connection != nullptr) link->connection->close();
  }
  (void)co_await tasks_.join();  // a request on a closed connection is over
  (void)co_await loops_.join();
}

// The writers take turns: record n of this one is record n * count + index of all.
MonoTime LoadWriter::due_of(uint64_t nth) const {
  const double position = static_cast<double>(nth) * count_ + index_;
  return shared_.plan.start + Duration(static_cast<int64_t>(position * 1e9 / shared_.args.rate));
}

LoadWriter::Lane& LoadWriter::next_lane() {
  Lane& lane = lanes_[current_];
  if (lane.pending.size() < shared_.payload.records_per_batch()) return lane;
  current_ = (current_ + 1) % lanes_.size();
  return lanes_[current_];
}

void LoadWriter::add(MonoTime due) {
  const uint64_t number = shared_.plan.next_number++;
  Lane& lane = shared_.args.keys > 0 ? lanes_[partition_of_key_[shared_.payload.key_of(number)]] : next_lane();
  if (!lane.is_active) {
    lane.is_active = true;
    active_.push_back(static_cast<uint32_t>(&lane - lanes_.data()));
  }
  lane.pending.push_back({number, due});
  ++pending_;
}

void LoadWriter::make_due(MonoTime now) {
  while (pending_ < kPendingMax) {
    const MonoTime due = due_of(made_);
    if (due > now) return;
    if (!shared_.plan.take(due)) {
      draining_ = true;
      return;
    }
    ++made_;
    add(due);
  }
}

// As fast as answers come: enough to fill the next request, more when keys scatter it.
void LoadWriter::make_closed(MonoTime now) {
  const size_t batch = shared_.payload.records_per_batch();
  const size_t wanted = shared_.args.keys > 0 ? batch * lanes_.size() : batch;
  while (pending_ < wanted) {
    if (!shared_.plan.take(now)) {
      draining_ = true;
      return;
    }
    add(now);
  }
}

void LoadWriter::send_ready(MonoTime now) {
  const size_t full = shared_.payload.records_per_batch();
  const Duration linger(static_cast<int64_t>(shared_.args.linger_ms * 1e6));
  for (bool sent = true; sent;) {
    sent = false;
    std::map<Link*, Request> requests;
    for (size_t i = active_.size(); i > 0; --i) {
      const uint32_t at = active_.front();
      active_.pop_front();
      Lane& lane = lanes_[at];
      Link& link = *lane.link;
      const bool is_due = is_open_loop() ? lane.pending.front().due + linger <= now : link.in_flight == 0;
      const bool is_ready = lane.pending.size() >= full || is_due || draining_;
      if (!is_ready || link.in_flight >= shared_.args.in_flight || requests[&link].bytes >= kRequestBytesMax) {
        active_.push_back(at);
        continue;
      }
      Part part;
      if (lane.pending.size() <= full) {
        part = std::move(lane.pending);
        lane.pending.clear();
      } else {
        const auto end = lane.pending.begin() + static_cast<ptrdiff_t>(full);
        part.assign(lane.pending.begin(), end);
        lane.pending.erase(lane.pending.begin(), end);
      }
      if (lane.pending.empty()) lane.is_active = false;
      else active_.push_back(at);
      if (shared_.args.keys == 0 && at == current_) current_ = (current_ + 1) % lanes_.size();
      pending_ -= part.size();
      Request& request = requests[&link];
      request.batches.push_back({lane.index, shared_.payload.batch(part, shared_.context.env.clock.wall_ms())});
      request.bytes += request.batches.back().bytes.size();
      request.parts.push_back(std::move(part));
    }
    for (auto& [link, request] : requests) {
      if (request.batches.empty()) continue;
      // A request has at most one batch of a partition; a second one goes in the next round.
      sent = true;
      ++link->in_flight;
      tasks_.spawn(&send, this, link, std::move(request));
    }
    if (!is_open_loop() && !draining_ && sent) make_closed(now);
  }
}

MonoTime LoadWriter::next_look(MonoTime now) const {
  if (draining_ || !is_open_loop()) return now + 100ms;
  MonoTime look = due_of(made_);
  const Duration linger(static_cast<int64_t>(shared_.args.linger_ms * 1e6));
  bool may_send = false;
  for (const auto& [id, link] : links_) may_send = may_send || link->in_flight < shared_.args.in_flight;
  for (const uint32_t at : active_) {
    if (may_send) look = std::min(look, lanes_[at].pending.front().due + linger);
  }
  // While nothing may be sent, an answer wakes us; a late look makes the records that came due meanwhile.
  if (!may_send) look = now + 10ms;
  return std::max(look, now + 20us);
}

Task<void> LoadWriter::run(LoadWriter* self, runtime::StopToken stop) {
  while (!self->broken_) {
    self->wake_.reset();
    const MonoTime now = self->executor_.now();
    if (stop.stop_requested()) self->draining_ = true;
    if (!self->draining_ && self->is_open_loop()) self->make_due(now);
    if (!self->draining_ && !self->is_open_loop()) self->make_closed(now);
    self->send_ready(now);
    if (self->draining_ && self->pending_ == 0) break;
    if (self->draining_ && stop.stop_requested()) break;
    (void)co_await self->wake_.wait(self->executor_, Deadline::at(self->next_look(now)), stop);
  }
  const Result<void> done = co_await self->tasks_.join(Deadline::at(self->executor_.now() + kDrainMax));
  if (!done && !self->broken_) self->broken_ = Error(ErrorCode::kDeadlineExceeded, "the last requests were not answered within 30 s");
  co_await self->close();
}

Task<void> LoadWriter::send(LoadWriter* self, Link* link, Request request) {
  const Shared& shared = self->shared_;
  ++shared.stats.requests;
  const auto told = co_await client::produce(link->connection, shared.topic, std::move(request.batches), self->acks(), shared.context.patience());
  if (!told && !self->broken_) self->broken_ = told.error();
  for (size_t i = 0; i < request.parts.size(); ++i) {
    if (told) self->settle(request.parts[i], (*told)[i].error_code, (*told)[i].error_message.value_or(""));
    else shared.stats.refuse(request.parts[i].size(), told.error());
  }
  --link->in_flight;
  self->wake_.set();
}

void LoadWriter::settle(const Part& part, ErrorCode code, const std::string& message) {
  LoadStats& stats = shared_.stats;
  if (code != ErrorCode::kNone) {
    stats.refuse(part.size(), Error(code, message.empty() ? std::string(name_of(code)) : message));
    return;
  }
  const MonoTime now = executor_.now();
  for (const PendingRecord& one : part) {
    if (one.due >= shared_.plan.measure_from) stats.latency_ns.record((now - one.due).count());
    if (shared_.ledger != nullptr) shared_.ledger->acknowledge(one.number);
  }
  stats.records += part.size();
  stats.bytes += part.size() * shared_.args.record_bytes;
  stats.last = now;
}

}  // namespace weir::cli
