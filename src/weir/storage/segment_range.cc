// Finding a range of a .log file that is whole batches, so that it can be sent without being read. Its end is the end of what
// is written, or a batch that the offset index names: nobody steps over the batches in between.
#include "weir/base/assert.h"
#include "weir/storage/segment.h"
#include "weir/storage/segment_span.h"

namespace weir::storage {
namespace {

constexpr size_t kStepBytes = 4 << 10;   // read at once while stepping: index entries lie about so far apart

}  // namespace

runtime::Task<Result<std::optional<Segment::NamedBatch>>> Segment::batch_at(runtime::File& file, int64_t position, int64_t end) {
  if (position + static_cast<int64_t>(record::kHeaderBytes) > end) co_return std::nullopt;
  std::byte bytes[record::kHeaderBytes];
  WEIR_CO_CHECK(co_await read_fully(file, static_cast<uint64_t>(position), bytes));
  const Result<std::optional<BatchSpan>> span = peek_span(bytes);
  if (!span || !*span) co_return std::nullopt;
  co_return NamedBatch{(*span)->last_offset, Offset(load_be<int64_t>(bytes)), load_be<int8_t>(bytes + record::kMagicAt) == record::kMagicV2};
}

runtime::Task<Result<std::optional<int64_t>>> Segment::position_of(runtime::File& file, Offset from, int64_t end) {
  WEIR_CO_TRY(int64_t position, co_await position_before(from));
  Bytes chunk(kStepBytes);
  while (position < end) {
    const size_t count = std::min(chunk.size(), static_cast<size_t>(end - position));
    WEIR_CO_CHECK(co_await read_fully(file, static_cast<uint64_t>(position), MutableBytes(chunk).first(count)));
    size_t at = 0;
    while (at < count) {
      WEIR_CO_TRY(const std::optional<BatchSpan> span, peek_span(ByteView(chunk).first(count).subspan(at)));
      if (!span) break;
      if (span->last_offset >= from) co_return position + static_cast<int64_t>(at);
      at += span->bytes;
    }
    if (at == 0) break;   // the end of the file cuts a header short: the reading path says so
    position += static_cast<int64_t>(at);
  }
  co_return std::nullopt;
}

runtime::Task<Result<std::optional<LogRange>>> Segment::find_range(Offset from, Offset below, Offset written_end, size_t bytes_max,
                                                                   size_t bytes_min) {
  WEIR_ASSERT(from < below && below <= written_end, from, below, written_end);
  const int64_t end = written_bytes;
  if (index_damaged || end < static_cast<int64_t>(bytes_min)) co_return std::nullopt;
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
  const Result<std::optional<OffsetEntry>> entry = co_await offset_index.last_where(files_, path(kOffsetIndexSuffix), fits);
  if (!entry || !*entry || (*entry)->position <= *begin) co_return std::nullopt;
  WEIR_CO_TRY(const std::optional<NamedBatch> named, co_await batch_at(*file, (*entry)->position, end));
  if (!named || named->last_offset != base_offset_ + (*entry)->relative_offset) {
    index_damaged = true;
    co_return std::nullopt;
  }
  if (!named->is_v2) co_return std::nullopt;   // it does not say where it begins
  co_return range_to((*entry)->position, named->first_offset);
}

}  // namespace weir::storage
