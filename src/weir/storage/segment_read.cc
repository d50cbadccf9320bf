// What a segment gives to a reader: batches, or the range of the file in which they lie.
#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/segment.h"

namespace weir::storage {
namespace {

constexpr size_t kSlackBytes = 8 << 10;   // read beyond what was asked for, to step over batches before `from`
constexpr size_t kStepBytes = 4 << 10;    // read at once while only stepping: index entries lie about so far apart

struct SteppedOver {
  size_t bytes = 0;                        // of batches that end before `from`; the last may reach beyond the chunk
  std::optional<record::BatchSpan> span;   // of the one behind them, unless the chunk ends before its header does
};

// Steps over the batches at the beginning of `chunk` that end before `from`.
Result<SteppedOver> step_over(ByteView chunk, Offset from) {
  SteppedOver over;
  while (over.bytes < chunk.size()) {
    WEIR_TRY(const std::optional<record::BatchSpan> span, record::peek_span(chunk.subspan(over.bytes)));
    if (!span) break;
    if (span->last_offset >= from) {
      over.span = span;
      break;
    }
    over.bytes += span->bytes;
  }
  return over;
}

struct Taken {
  size_t begin = 0;          // of the reader's batches, behind what is stepped over
  size_t bytes = 0;          // of them; 0 when there is none in this chunk
  Offset next_offset;        // behind them
  bool is_refused = false;   // there is one, but it is not below `below`, or larger than the reader has room for
  size_t bytes_needed = 0;   // from `begin` on, by a batch that is not whole in this chunk
};

// The reader's batches in a chunk of a .log file that begins where a batch begins.
Result<Taken> take(ByteView chunk, Offset from, Offset below, size_t bytes_max, bool at_least_one_batch) {
  WEIR_TRY(const SteppedOver over, step_over(chunk, from));
  Taken taken{.begin = over.bytes};
  std::optional<record::BatchSpan> span = over.span;
  for (;;) {
    const size_t at = taken.begin + taken.bytes;
    if (!span) {   // the next chunk begins with it, and with more of it
      if (at < chunk.size()) taken.bytes_needed = chunk.size() - at <= record::kMagicAt ? record::kMagicAt + 1 : record::kHeaderBytes;
      return taken;
    }
    const bool has_room = taken.bytes + span->bytes <= bytes_max || (taken.bytes == 0 && at_least_one_batch);
    if (span->last_offset >= below || !has_room) {
      taken.is_refused = true;
      return taken;
    }
    if (at + span->bytes > chunk.size()) {
      taken.bytes_needed = span->bytes;
      return taken;
    }
    taken.bytes += span->bytes;
    taken.next_offset = span->last_offset.next();
    WEIR_TRY(span, record::peek_span(chunk.subspan(taken.begin + taken.bytes)));
  }
}

}  // namespace

runtime::Task<Result<SegmentRead>> Segment::read(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch) {
  ReadResult result;
  result.next_offset = from;
  const int64_t end = written_bytes_;
  WEIR_CO_TRY(int64_t position, co_await position_before(from));
  WEIR_CO_TRY(const auto file, co_await log_file());
  size_t want = bytes_max + kSlackBytes;
  while (position < end) {
    const size_t count = std::min(want, static_cast<size_t>(end - position));
    const SharedBytes chunk = SharedBytes::allocate(count);
    WEIR_CO_CHECK(co_await read_fully(*file, static_cast<uint64_t>(position), chunk.mutable_view()));
    WEIR_CO_TRY(const Taken taken, take(chunk.view(), from, below, bytes_max, at_least_one_batch));
    if (taken.bytes > 0) {
      result.bytes = taken.bytes;
      result.slices.push_back(chunk.slice(taken.begin, taken.bytes));
      result.next_offset = taken.next_offset;
      co_return SegmentRead{std::move(result), false};
    }
    if (taken.is_refused) co_return SegmentRead{std::move(result), false};
    position += static_cast<int64_t>(taken.begin);
    want = std::max(taken.bytes_needed, bytes_max + kSlackBytes);
    if (position + static_cast<int64_t>(taken.bytes_needed) > end) {
      co_return fail(ErrorCode::kCorruptMessage, fmt::format("{}: the batch at byte {} is cut short", path(kLogSuffix), position));
    }
  }
  co_return SegmentRead{std::move(result), true};
}

runtime::Task<Result<SegmentScan>> Segment::scan_from(Offset offset, size_t chunk_bytes) {
  int64_t position = 0;
  if (offset != kNoOffset) {
    WEIR_CO_TRY(position, co_await position_before(offset));
  }
  WEIR_CO_TRY(auto file, co_await log_file());
  co_return SegmentScan(std::move(file), position, written_bytes_, chunk_bytes);
}

runtime::Task<Result<std::optional<int64_t>>> Segment::position_of(runtime::File& file, Offset from, int64_t end) {
  WEIR_CO_TRY(int64_t position, co_await position_before(from));
  Bytes chunk(kStepBytes);
  while (position < end) {
    const size_t count = std::min(chunk.size(), static_cast<size_t>(end - position));
    WEIR_CO_CHECK(co_await read_fully(file, static_cast<uint64_t>(position), MutableBytes(chunk).first(count)));
    WEIR_CO_TRY(const SteppedOver stepped, step_over(ByteView(chunk).first(count), from));
    position += static_cast<int64_t>(stepped.bytes);
    if (stepped.span) co_return position;
    if (stepped.bytes == 0) break;   // the end of the file cuts a header short: the reading path says so
  }
  co_return std::nullopt;
}

// The end of a range is the end of what is written, or a batch that the offset index names: nobody steps over those in between.
runtime::Task<Result<std::optional<LogRange>>> Segment::find_range(Offset from, Offset below, Offset written_end, size_t bytes_max,
                                                                   size_t bytes_min) {
  WEIR_ASSERT(from < below && below <= written_end, from, below, written_end);
  const int64_t end = written_bytes_;
  if (indexes_damaged_ || end < static_cast<int64_t>(bytes_min)) co_return std::nullopt;
  WEIR_CO_TRY(auto file, co_await log_file());
  WEIR_CO_TRY(const std::optional<int64_t> begin, co_await position_of(*file, from, end));
  if (!begin) co_return std::nullopt;
  const int64_t limit = *begin + static_cast<int64_t>(std::min(bytes_max, size_t{INT32_MAX}));
  const auto range_to = [&](int64_t to, Offset next) -> std::optional<LogRange> {
    if (to - *begin < static_cast<int64_t>(bytes_min)) return std::nullopt;
    auto lent = files_.lend(file);
    if (lent == nullptr) return std::nullopt;
    return LogRange{{std::move(lent), static_cast<uint64_t>(*begin), static_cast<size_t>(to - *begin)}, next};
  };
  if (below == written_end && limit >= end) co_return range_to(end, written_end);

  // The last batch that an entry names, begins within the limit, and has nothing before it that may not be seen.
  const int64_t relative = below - base_offset_;
  const auto fits = [&](const OffsetEntry& entry) { return entry.position <= limit && entry.relative_offset <= relative; };
  const Result<std::optional<OffsetEntry>> entry = co_await offset_index_.last_where(files_, path(kOffsetIndexSuffix), fits);
  if (!entry || !*entry || (*entry)->position <= *begin) co_return std::nullopt;
  WEIR_CO_TRY(const std::optional<record::BatchSpan> named, co_await named_by(**entry));
  if (!named || !named->first_offset) co_return std::nullopt;   // a legacy message does not say where it begins
  co_return range_to((*entry)->position, *named->first_offset);
}

}  // namespace weir::storage
