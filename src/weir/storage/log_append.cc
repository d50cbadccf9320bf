#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/record/control.h"
#include "weir/storage/log_core.h"

namespace weir::storage {
namespace {

constexpr size_t kQueuedBatchesMax = 1 << 20;              // of one log; the server's limits on requests come much earlier
constexpr TimestampMs kExpiryIntervalMs = 10 * 60 * 1000;  // producers are looked through so often

}  // namespace

void Log::Core::begin_segment(TimestampMs now, std::unique_ptr<Bytes>& snapshot) {
  WEIR_ASSERT(end > active().base_offset(), end, active().base_offset());
  WEIR_ASSERT(producers.map_end() == end, producers.map_end(), end);
  producers.expire(now - options.producer_id_expiration_ms);
  snapshot = std::make_unique<Bytes>(producers.snapshot());
  active().seal();
  segments_.push_back(make_segment(end, now));
}

// Begins a new segment without a batch, so that all before it can go. The queue is empty and all is written. Returns when the
// writer has come to it, which appends cannot delay; or when it waits for space.
Task<void> Log::Core::roll_now(TimestampMs now) {
  WEIR_ASSERT(queue_.empty() && written_end == end, written_end, end);
  Queued nothing;
  nothing.base_offset = nothing.next_offset = end;
  begin_segment(now, nothing.rolled_snapshot);
  queue_.push_back(std::move(nothing));
  executor().at_turn_end(*this);
  const Offset base = end;
  while (!failure && !closing_ && !stalled_ && writing_->base_offset() < base) {
    const Result<void> woken = co_await writer_waiters_.wait(executor());
    WEIR_ASSERT(woken.has_value());
  }
}

Result<AppendResult> Log::Core::append(SharedBytes batch, const AppendInfo& info) {
  WEIR_ASSERT(batch.size() >= record::kHeaderBytes, batch.size());
  const record::BatchHeader header = record::BatchHeader::unchecked(batch.view());
  WEIR_ASSERT(header.magic() == record::kMagicV2 && header.size_bytes() == batch.size(), header.magic(), header.size_bytes(), batch.size());
  WEIR_CHECK(ready());
  const bool from_client = info.origin == AppendOrigin::kClient;
  if (stalled_ && info.origin != AppendOrigin::kRaftLeader) {
    return fail(ErrorCode::kKafkaStorageError, fmt::format("log {} waits for space on its disk", path));
  }
  if (cutting_) return fail(ErrorCode::kKafkaStorageError, fmt::format("log {} is being truncated", path));
  if (queue_.size() >= kQueuedBatchesMax) return fail(ErrorCode::kKafkaStorageError, fmt::format("log {} has too much unwritten", path));
  if (static_cast<int64_t>(batch.size()) > options.segment_bytes) {
    return fail(ErrorCode::kRecordListTooLarge, fmt::format("a batch of {} bytes does not fit into a segment of {}", batch.size(), options.segment_bytes));
  }

  if (info.origin != AppendOrigin::kRaftLeader && header.has_producer_id()) {
    if (header.is_control()) {
      WEIR_TRY(const record::BatchView whole, record::BatchView::parse(batch));
      WEIR_TRY(const std::optional<record::Marker> marker, record::parse_marker(whole));
      if (marker) WEIR_CHECK(producers.check_marker(header, marker->marker));
    } else if (from_client) {
      WEIR_TRY(const std::optional<RememberedBatch> repeated, producers.check(header));
      if (repeated) return AppendResult{repeated->first_offset(), repeated->last_offset, repeated->timestamp, true};
    } else {
      WEIR_CHECK(producers.check_epoch(header));
    }
  }

  // The last that may refuse: what is not appended takes no room.
  if (from_client && !services.directory.take_room(batch.size())) {
    return fail(ErrorCode::kKafkaStorageError, fmt::format("the disk of {} is nearly full", services.directory.path()));
  }

  const Offset base = end;
  const Offset last = base + header.last_offset_delta();
  Queued queued;
  queued.base_offset = base;
  queued.next_offset = last.next();
  if (active().must_roll(options, batch.size(), header.max_timestamp(), last, info.now)) begin_segment(info.now, queued.rolled_snapshot);
  if (info.now - last_expiry_ >= kExpiryIntervalMs) {
    last_expiry_ = info.now;
    producers.expire(info.now - options.producer_id_expiration_ms);
  }
  record::set_base_offset(batch.mutable_view(), base);
  record::set_leader_epoch(batch.mutable_view(), info.leader_epoch);
  if (epochs.assign(info.leader_epoch, base)) note_epoch(base);
  if (info.origin != AppendOrigin::kRaftLeader) account_producer(header, batch.view(), base, active(), true);
  producers.set_map_end(last.next());
  active().account(last, header.max_timestamp(), batch.size(), options.index_interval_bytes);
  end = last.next();
  AppendResult result{base, last, kNoTimestamp, false};
  if (header.timestamp_type() == record::TimestampType::kLogAppendTime) result.append_time = header.max_timestamp();

  queued.bytes = services.tail_cache.settle(std::move(batch));
  tail_.push(base, last, queued.bytes);
  queue_.push_back(std::move(queued));
  if (!writer_running_) executor().at_turn_end(*this);
  WEIR_ASSERT(written_end < end && durable_end <= written_end, durable_end, written_end, end);
  return result;
}

}  // namespace weir::storage
