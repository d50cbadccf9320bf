#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/record/batches.h"
#include "weir/storage/log_core.h"

namespace weir::storage {
namespace {

constexpr size_t kDecompressedBytesMax = size_t{1} << 30;   // of one batch that a timestamp is looked for in

std::unexpected<Error> out_of_range(Offset from, Offset start, Offset end) {
  return fail(ErrorCode::kOffsetOutOfRange, fmt::format("offset {} is not in [{}, {}]", from, start, end));
}

// Joins neighbours in memory, which batches of one arena or one frame are.
void add_slice(ReadResult& result, const SharedBytes& bytes) {
  result.bytes += bytes.size();
  if (!result.slices.empty()) {
    SharedBytes& last = result.slices.back();
    if (last.block() == bytes.block() && last.data() + last.size() == bytes.data()) {
      last = SharedBytes(last.block(), ByteView(last.data(), last.size() + bytes.size()));
      return;
    }
  }
  result.slices.push_back(bytes);
}

// The first record of `batch` in [from, below) whose timestamp is at least `target`.
Result<std::optional<TimestampOffset>> first_at(const record::AnyBatch& batch, TimestampMs target, Offset from, Offset below, codec::Codecs& codecs) {
  Bytes scratch;
  WEIR_TRY(const std::vector<record::Record> records, record::read_records(batch, codecs, kDecompressedBytesMax, scratch));
  for (const record::Record& record : records) {
    if (record.offset >= below) break;
    if (record.timestamp >= target && record.offset >= from) return TimestampOffset{record.timestamp, record.offset, batch.leader_epoch()};
  }
  return std::nullopt;
}

}  // namespace

Result<std::optional<ReadResult>> Log::Core::read_tail(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch) const {
  if (failure) return fail(*failure);
  if (from < log_start || from > end) return out_of_range(from, log_start, end);
  ReadResult result;
  result.next_offset = from;
  below = std::min(below, written_end);
  if (from >= below) return result;
  if (tail_.empty() || from < tail_.begin_offset()) return std::nullopt;
  tail_.visit(from, [&](Offset, Offset last_offset, const SharedBytes& bytes) {
    if (last_offset >= below) return false;
    const bool fits = result.bytes + bytes.size() <= bytes_max || (result.bytes == 0 && at_least_one_batch);
    if (!fits) return false;
    add_slice(result, bytes);
    result.next_offset = last_offset.next();
    return result.bytes < bytes_max;
  });
  return result;
}

Task<Result<ReadResult>> Log::Core::read(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch) {
  WEIR_CO_TRY(std::optional<ReadResult> cached, read_tail(from, below, bytes_max, at_least_one_batch));
  if (cached) co_return std::move(*cached);
  below = std::min(below, written_end);
  Offset looking_for = from;
  while (looking_for < below) {
    const std::shared_ptr<Segment> segment = segments_[segment_index(looking_for)];
    Result<SegmentRead> found = co_await segment->read(looking_for, below, bytes_max, at_least_one_batch);
    mend_index(segment);
    if (failure) co_return fail(*failure);
    if (from < log_start || from > end) co_return out_of_range(from, log_start, end);   // removed or cut while we read
    if (!found) {
      if (segment->is_removed() || found.error().code() == ErrorCode::kNotFound) co_return out_of_range(from, log_start, end);
      co_return fail(found.error());
    }
    if (found->result.bytes > 0) co_return std::move(found->result);
    // Compaction may have left a gap up to the next segment.
    const size_t next = segment_index(looking_for) + 1;
    if (!found->reached_end || next >= segments_.size()) break;
    looking_for = segments_[next]->base_offset();
  }
  ReadResult nothing;
  nothing.next_offset = from;
  co_return nothing;
}

Task<std::optional<LogRange>> Log::Core::find_range(Offset from, Offset below, size_t bytes_max) {
  below = std::min(below, written_end);
  if (failure || from < log_start || from >= below || bytes_max < services.range_bytes_min) co_return std::nullopt;
  const size_t index = segment_index(from);
  const std::shared_ptr<Segment> segment = segments_[index];
  const bool is_past = segment->base_offset() < writing_->base_offset();
  const Offset segment_end = is_past ? segments_[index + 1]->base_offset() : written_end;
  below = std::min(below, segment_end);
  Result<std::optional<LogRange>> range = co_await segment->find_range(from, below, segment_end, bytes_max, services.range_bytes_min);
  mend_index(segment);
  // Removed or cut while we looked, damaged, no descriptor: read() meets it too and tells them apart.
  if (!range || failure || segment->is_removed() || from < log_start || from >= written_end) co_return std::nullopt;
  co_return std::move(*range);
}

// Has the indexes of a segment that has been found to lie made anew, beside the reads.
void Log::Core::mend_index(const std::shared_ptr<Segment>& segment) {
  const bool is_past = segment->base_offset() < writing_->base_offset();
  if (!segment->needs_mending() || !is_past || closing_ || failure) return;
  segment->begin_mending();
  services.environment.log.error("log {}: an index of segment {} does not agree with the log: it is made anew", path, segment->base_offset());
  tasks_.spawn(&Core::rebuild_index, this, segment);
}

Task<void> Log::Core::rebuild_index(Core* core, std::shared_ptr<Segment> segment) {
  const Result<void> alone = co_await core->maintenance_.acquire(core->executor());
  WEIR_ASSERT(alone.has_value());
  const runtime::HeldPermit held(core->maintenance_);
  if (core->failure || core->closing_ || segment->is_removed()) co_return;
  const bool is_past = segment->is_sealed() && segment->base_offset() < core->writing_->base_offset();
  Result<void> done;
  if (is_past) done = co_await segment->rebuild_indexes(core->options.index_interval_bytes);
  if (done && is_past) done = co_await segment->write_indexes();
  segment->end_mending(!done && done.error().code() == ErrorCode::kCorruptMessage);
  if (!done) {
    core->services.environment.log.error("log {}: the index of segment {} cannot be made anew: {}", core->path, segment->base_offset(),
                                         done.error().describe());
    co_return;
  }
  core->request_flush();
}

Task<Result<std::optional<TimestampOffset>>> Log::Core::offset_for_timestamp(TimestampMs target, Offset below, codec::Codecs& codecs) {
  WEIR_CO_CHECK(ready());
  below = std::min(below, written_end);
  const std::vector<std::shared_ptr<Segment>> segments = segments_;
  for (const auto& segment : segments) {
    if (segment->base_offset() >= below) break;
    WEIR_CO_TRY(const TimestampOffset largest, co_await segment->load_largest_timestamp());
    mend_index(segment);
    if (largest.timestamp < target) continue;
    WEIR_CO_TRY(const Offset begin, co_await segment->offset_before(target));
    WEIR_CO_TRY(SegmentScan scan, co_await segment->scan_from(std::max(log_start, begin)));
    for (;;) {
      WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
      if (!batch || batch->first_offset() >= below) break;
      if (batch->max_timestamp() < target || batch->last_offset() < log_start) continue;
      WEIR_CO_TRY(const std::optional<TimestampOffset> found, first_at(*batch, target, log_start, below, codecs));
      if (found) co_return found;
    }
  }
  co_return std::nullopt;
}

Task<Result<std::optional<TimestampOffset>>> Log::Core::max_timestamp(codec::Codecs& codecs, Deadline deadline) {
  WEIR_CO_CHECK(ready());
  const std::vector<std::shared_ptr<Segment>> segments = segments_;
  std::shared_ptr<Segment> holder;
  TimestampOffset largest;
  for (const auto& segment : segments) {
    WEIR_CO_TRY(const TimestampOffset candidate, co_await segment->load_largest_timestamp());
    if (candidate.timestamp > largest.timestamp) {
      largest = candidate;
      holder = segment;
    }
  }
  if (holder == nullptr) co_return std::nullopt;
  WEIR_CO_CHECK(co_await wait_written(std::min(end, largest.offset.next()), deadline));
  // Its batch is known by its last offset; the record is the first in it with that timestamp.
  WEIR_CO_TRY(SegmentScan scan, co_await holder->scan_from(largest.offset));
  for (;;) {
    WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
    if (!batch || batch->first_offset() > largest.offset) co_return std::nullopt;   // compacted or cut meanwhile
    if (batch->last_offset() < largest.offset || batch->max_timestamp() < largest.timestamp) continue;
    WEIR_CO_TRY(const std::optional<TimestampOffset> found, first_at(*batch, largest.timestamp, Offset(0), Offset(INT64_MAX), codecs));
    if (found) co_return found;
  }
}

Task<Result<std::vector<AbortedTransaction>>> Log::Core::aborted_transactions(Offset from, Offset below) {
  WEIR_CO_CHECK(ready());
  std::vector<AbortedTransaction> found;
  const std::vector<std::shared_ptr<Segment>> segments = segments_;
  for (size_t i = segment_index(from); i < segments.size(); ++i) {
    WEIR_CO_TRY(const std::vector<AbortedTransaction> entries, co_await segments[i]->load_aborted());
    bool complete = false;
    for (const AbortedTransaction& entry : entries) {
      if (entry.last_offset >= from && entry.first_offset < below) found.push_back(entry);
      // Nothing that was decided later can reach below this.
      if (entry.last_stable_offset >= below) complete = true;
    }
    if (complete) break;
  }
  co_return found;
}

}  // namespace weir::storage
