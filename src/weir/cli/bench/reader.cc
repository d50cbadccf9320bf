#include "weir/cli/bench/reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/bench/payload.h"
#include "weir/record/batches.h"
#include "weir/record/record.h"

namespace weir::cli {

namespace {
constexpr size_t kUnpackedBytesMax = 512 << 20;
}  // namespace

Task<Result<void>> LoadReader::open() {
  const auto& brokers = shared_.context.cluster.brokers();
  const auto broker = std::ranges::find(brokers, broker_, &client::Broker::id);
  if (broker == brokers.end()) co_return fail(ErrorCode::kLeaderNotAvailable, fmt::format("broker {} is not known to the cluster", broker_));
  WEIR_CO_TRY(connection_,
              co_await rpc::Connection::open(shared_.context.env, loops_, broker->endpoint, {.client_id = "weir-bench"}, shared_.context.patience()));
  co_return Result<void>();
}

Task<void> LoadReader::close() {
  if (connection_ != nullptr) connection_->close();
  (void)co_await loops_.join();
}

Task<void> LoadReader::run(LoadReader* self, runtime::StopToken stop) {
  const Shared& shared = self->shared_;
  const bool has_id = !shared.topic->id.is_zero();
  const int16_t version_max = has_id ? INT16_MAX : client::FetchSession::kTopicIdVersion - 1;
  const auto version = self->connection_->version_of(protocol::ApiKey::kFetch, version_max);
  if (!version) self->broken_ = version.error();
  while (!self->broken_ && !stop.stop_requested()) {
    const MonoTime asked = self->executor_.now();
    if (self->begins_again_ && shared.plan.is_over(asked)) break;
    std::vector<client::FetchSession::Wanted> wanted;
    for (Place& place : self->places_) {
      if (place.next >= place.end) {
        if (!self->begins_again_) continue;
        place.next = place.begin;
      }
      client::FetchSession::Wanted one{{shared.topic->name, place.index}, shared.topic->id, {}};
      one.partition.partition = place.index;
      one.partition.current_leader_epoch = place.leader_epoch;
      one.partition.fetch_offset = place.next;
      one.partition.partition_max_bytes = static_cast<int32_t>(shared.args.fetch_bytes);
      wanted.push_back(std::move(one));
    }
    if (wanted.empty()) break;
    protocol::FetchRequest request;
    request.max_wait_ms = static_cast<int32_t>(shared.args.wait_ms);
    request.min_bytes = static_cast<int32_t>(shared.args.bytes_min);
    request.max_bytes = 50 << 20;
    self->session_.fill(request, wanted, *version);
    ++shared.stats.requests;
    const client::Patience patience{Deadline::at(asked + 30s + Duration(shared.args.wait_ms * 1'000'000)), stop};
    const auto answer = co_await self->connection_->call(std::move(request), patience, version_max);
    if (!answer) {
      if (answer.error().code() != ErrorCode::kCancelled) self->broken_ = answer.error();
      break;
    }
    if (answer->error_code != ErrorCode::kNone) {
      self->broken_ = Error(answer->error_code, fmt::format("Fetch: {}", name_of(answer->error_code)));
      break;
    }
    self->session_.accept(*answer);
    self->has_begun_ = true;
    uint64_t records = 0;
    for (const auto& topic : answer->responses) {
      for (const auto& row : topic.partitions) {
        const auto place = std::ranges::find(self->places_, row.partition_index, &Place::index);
        if (place == self->places_.end()) continue;
        const Result<uint64_t> count = self->take(*place, row);
        if (count) records += *count;
        else self->broken_ = count.error().within(fmt::format("{}-{}", shared.topic->name, row.partition_index));
      }
    }
    // Reading marked records tells how long they took; else the time of an answer that brought something is what there is.
    if (shared.run == 0 && records > 0 && asked >= shared.plan.measure_from) {
      shared.stats.latency_ns.record((self->executor_.now() - asked).count());
    }
  }
  self->connection_->close();
}

Result<uint64_t> LoadReader::take(Place& place, const protocol::FetchResponse::PartitionData& row) {
  if (row.error_code != ErrorCode::kNone) return fail(row.error_code, std::string(name_of(row.error_code)));
  if (row.records.empty()) return uint64_t{0};
  uint64_t count = 0;
  const SharedBytes bytes = row.records.joined();
  record::Batches batches(bytes.view());
  for (;;) {
    WEIR_TRY(const auto found, batches.next());
    if (!found) break;
    const record::BatchView* batch = found->v2();
    if (batch == nullptr) return fail(ErrorCode::kUnsupportedForMessageFormat, "records of a format older than Kafka 0.11");
    if (batch->last_offset() < place.next) continue;  // the answer may begin before what was asked
    if (batch->base_offset() >= place.end) break;
    if (!batch->is_control()) {
      if (shared_.run != 0) WEIR_CHECK(look_into(*batch, place));
      else count += static_cast<uint64_t>(batch->record_count());
    }
    if (shared_.run == 0) shared_.stats.bytes += batch->size_bytes();
    place.next = batch->next_offset();
  }
  shared_.stats.records += count;
  shared_.stats.last = executor_.now();
  return count;
}

Result<void> LoadReader::look_into(const record::BatchView& batch, const Place& place) {
  if (!batch.crc_matches()) return fail(ErrorCode::kCorruptMessage, fmt::format("the batch at offset {} fails its checksum", batch.base_offset()));
  WEIR_TRY(record::Records records, record::Records::open(batch, codecs_, kUnpackedBytesMax, scratch_));
  const MonoTime now = executor_.now();
  for (;;) {
    WEIR_TRY(const auto one, records.next());
    if (!one) return {};
    if (one->offset < place.next || !one->value) continue;
    const auto mark = read_mark(*one->value);
    if (!mark || mark->run != shared_.run) continue;
    ++shared_.stats.records;
    shared_.stats.bytes += one->value->size();
    if (mark->due >= shared_.plan.measure_from) shared_.stats.latency_ns.record((now - mark->due).count());
    if (shared_.ledger != nullptr) shared_.ledger->read(mark->number);
  }
}

}  // namespace weir::cli
