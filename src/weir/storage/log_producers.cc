// What a log knows of its producers, kept with it: accounting for batches, snapshot files, and making it anew from both.
#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/record/control.h"
#include "weir/storage/log_core.h"

namespace weir::storage {
namespace {

constexpr size_t kReplayChunkBytes = 1 << 20;
constexpr uint64_t kSnapshotBytesMax = uint64_t{1} << 30;

}  // namespace

void Log::Core::account_producer(const record::BatchHeader& batch, ByteView bytes, Offset base_offset, Segment& segment,
                                 bool collect_aborted) {
  if (!batch.has_producer_id()) return;
  if (!batch.is_control()) {
    producers.record(batch, base_offset);
    return;
  }
  const Result<record::BatchView> whole = record::BatchView::parse(bytes);
  if (!whole) return;
  const Result<std::optional<record::Marker>> marker = record::parse_marker(*whole);
  if (!marker || !*marker) return;   // a control record that ends no transaction
  const auto ended = producers.record_marker(batch, base_offset, (*marker)->type, (*marker)->marker);
  if (ended && ended->aborted && collect_aborted) {
    segment.note_aborted({ended->producer_id, ended->first_offset, ended->last_offset, ended->last_stable_offset});
  }
}

Task<Result<void>> Log::Core::write_snapshot(Offset offset, const Bytes& snapshot) {
  WEIR_ASSERT(snapshots_.empty() || snapshots_.back() <= offset, offset);
  WEIR_CO_TRY(const auto file, co_await disk().open(file_path(segment_file_name(offset, kSnapshotSuffix)), runtime::OpenMode::kCreate));
  WEIR_CO_CHECK(co_await file->truncate(0));
  const ByteView part(snapshot);
  WEIR_CO_CHECK(co_await file->write_at(0, {&part, 1}));
  if (snapshots_.empty() || snapshots_.back() < offset) snapshots_.push_back(offset);
  unsynced_snapshots_.push_back(offset);
  ++directory_changes_;
  co_return Result<void>();
}

// Producer snapshots above `offset` speak of records that are gone.
Task<Result<void>> Log::Core::drop_snapshots_above(Offset offset) {
  while (!snapshots_.empty() && snapshots_.back() > offset) {
    const Offset last = snapshots_.back();
    WEIR_CO_CHECK(co_await disk().remove(file_path(segment_file_name(last, kSnapshotSuffix))));
    ++directory_changes_;
    std::erase(unsynced_snapshots_, last);
    snapshots_.pop_back();
  }
  co_return Result<void>();
}

// A snapshot before the first segment is of no use: see rebuild_producers.
Task<Result<void>> Log::Core::drop_snapshots_below_start() {
  while (!snapshots_.empty() && snapshots_.front() < segments_.front()->base_offset()) {
    const Offset offset = snapshots_.front();
    snapshots_.erase(snapshots_.begin());
    std::erase(unsynced_snapshots_, offset);
    WEIR_CO_CHECK(co_await disk().remove(file_path(segment_file_name(offset, kSnapshotSuffix))));
  }
  co_return Result<void>();
}

// A snapshot is kept at the beginning of each segment, and the newest one.
Task<Result<void>> Log::Core::drop_stray_snapshots() {
  WEIR_CO_CHECK(co_await drop_snapshots_below_start());
  const std::vector<Offset> all = snapshots_;
  for (size_t i = 0; i + 1 < all.size(); ++i) {
    const Offset offset = all[i];
    if (segments_[segment_index(offset)]->base_offset() == offset) continue;
    WEIR_CO_CHECK(co_await disk().remove(file_path(segment_file_name(offset, kSnapshotSuffix))));
    std::erase(snapshots_, offset);
  }
  co_return Result<void>();
}

// From the newest snapshot at or before `up_to` that can be read, and the batches after it. One from before the first segment does
// not count, as batches after it are gone: of a producer that wrote them it knows old sequence numbers, and its next batch would be
// refused for ever. A producer that is not known may go on anywhere.
Task<Result<void>> Log::Core::rebuild_producers(Offset up_to) {
  const Offset begin = std::min(log_start, up_to);   // the start of a checkpoint may lie anywhere
  producers.clear();
  producers.set_map_end(begin);
  for (size_t i = snapshots_.size(); i-- > 0;) {
    const Offset at = snapshots_[i];
    if (at > up_to) continue;
    if (at < segments_.front()->base_offset()) break;
    const std::string name = file_path(segment_file_name(at, kSnapshotSuffix));
    const Result<Bytes> content = co_await runtime::read_file(disk(), name, kSnapshotBytesMax);
    if (!content && content.error().code() != ErrorCode::kNotFound) co_return fail(content.error());
    const Result<void> loaded = content ? producers.load(*content, at) : Result<void>(fail(ErrorCode::kMalformedFile, "it is gone"));
    if (loaded) break;
    services.environment.log.warning("{}: {}; an older one is taken", name, loaded.error().message());
    WEIR_CO_CHECK(co_await disk().remove(name));
    snapshots_.erase(snapshots_.begin() + static_cast<ptrdiff_t>(i));
    producers.clear();
    producers.set_map_end(begin);
  }
  if (producers.map_end() < up_to) WEIR_CO_CHECK(co_await replay_producers(up_to));
  producers.expire(services.environment.clock.wall_ms() - options.producer_id_expiration_ms);
  co_return Result<void>();
}

Task<Result<void>> Log::Core::replay_producers(Offset up_to) {
  const Offset from = producers.map_end();
  const std::vector<std::shared_ptr<Segment>> segments = segments_;
  for (size_t i = segment_index(from); i < segments.size() && segments[i]->base_offset() < up_to; ++i) {
    Segment& segment = *segments[i];
    if (segment.written_bytes() == 0) continue;
    const Offset begin = segment.base_offset() < from ? from : kNoOffset;
    WEIR_CO_TRY(SegmentScan scan, co_await segment.scan_from(begin, kReplayChunkBytes));
    for (;;) {
      WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
      if (!batch || batch->first_offset() >= up_to) break;
      if (batch->next_offset() <= from) continue;
      if (const record::BatchView* v2 = batch->v2()) account_producer(*v2, v2->bytes(), v2->base_offset(), segment, false);
    }
  }
  producers.set_map_end(up_to);
  co_return Result<void>();
}

}  // namespace weir::storage
