#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/log_core.h"

namespace weir::storage {
namespace {

constexpr size_t kRecoveryChunkBytes = 1 << 20;
constexpr uint64_t kSnapshotBytesMax = uint64_t{1} << 30;
constexpr uint64_t kEpochFileBytesMax = 16 << 20;

// How far a run of bytes is made of whole batches with right CRCs.
struct Checked {
  size_t good_bytes = 0;
  std::string wrong;   // empty: the bytes ended, perhaps inside a batch
};

Checked check_batches(ByteView bytes) {
  record::Batches batches(bytes);
  Checked checked;
  for (;;) {
    const Result<std::optional<record::AnyBatch>> batch = batches.next();
    if (!batch) {
      checked.wrong = batch.error().message();
      return checked;
    }
    if (!*batch) return checked;
    if (!(*batch)->crc_matches()) {
      checked.wrong = "a batch has a wrong CRC";
      return checked;
    }
    checked.good_bytes = batches.position();
  }
}

}  // namespace

Task<Result<void>> Log::Core::load(LogRecovery recovery) {
  if (services.directory.is_offline()) co_return fail(services.directory.offline_error());
  WEIR_CO_CHECK(co_await disk().create_directories(path));
  WEIR_CO_TRY(const std::vector<runtime::DirEntry> files, co_await clear_leftovers());
  WEIR_CO_CHECK(co_await find_segments(files));
  WEIR_CO_CHECK(co_await load_epochs());
  log_start = recovery.log_start;
  if (segments_.empty()) {
    segments_.push_back(make_segment(log_start));
    end = log_start;
    WEIR_CO_CHECK(co_await drop_snapshots_above(kNoOffset));
    epochs.clear();
    producers.set_map_end(end);
    ++directory_changes_;
  } else {
    log_start = std::max(log_start, segments_.front()->base_offset());
    bool trusted = recovery.clean;
    for (size_t i = 0; trusted && i < segments_.size(); ++i) {
      WEIR_CO_TRY(trusted, co_await indexes_look_right(*segments_[i]));
    }
    if (trusted) {
      const Result<void> loaded = co_await load_active_end();
      if (!loaded && loaded.error().code() != ErrorCode::kCorruptMessage) co_return fail(loaded.error());
      trusted = loaded.has_value() && !active().index_damaged;
    }
    if (trusted) WEIR_CO_CHECK(co_await rebuild_producers(end));
    else WEIR_CO_CHECK(co_await recover_from(recovery.clean ? active().base_offset() : recovery.recovery_point));
  }
  WEIR_CO_CHECK(co_await drop_snapshots_above(end));
  if (end < log_start && recovery.clean && end > segments_.front()->base_offset()) {
    // After a clean stop the log reached its start: it is the checkpoint that is wrong, and no reason to drop records.
    services.environment.log.error("log {} ends at {}, but the checkpoint has its start at {}: it is taken to begin at {}", path, end,
                                   log_start, segments_.front()->base_offset());
    log_start = segments_.front()->base_offset();
  }
  if (end < log_start) {
    // Every record there was lies below the log start (a snapshot replaced them, or the checkpoint is ahead of a cut file).
    services.environment.log.warning("log {} ends at {}, before its start {}: it begins again there", path, end, log_start);
    WEIR_CO_CHECK(co_await do_truncate_fully(log_start));
  }
  written_end = durable_end = end;
  writing_ = segments_.back();
  WEIR_CO_CHECK(co_await drop_stray_snapshots());
  if (epochs.truncate_from_end(end)) note_epoch(end);
  epochs.truncate_from_start(log_start);
  noted_high_watermark = std::clamp(recovery.high_watermark, log_start, end);
  for (size_t i = 0; i + 1 < segments_.size(); ++i) segments_[i]->sealed = true;
  // What recovery kept may never have been synced: nobody may be told otherwise before it is.
  if (!recovery.clean) {
    // What ends at the recovery point was synced, with its indexes and epochs, unless something was cut just now.
    if (end != recovery.recovery_point || recovery_cut_) WEIR_CO_CHECK(co_await sync_files(end));
    for (const auto& segment : segments_) {
      segment->synced_bytes = segment->written_bytes;
      segment->close_files();
    }
  }
  co_return Result<void>();
}

// A new log, whose directory holds no file of it.
void Log::Core::begin_empty() {
  WEIR_ASSERT(segments_.empty() && end == Offset(0), end);
  segments_.push_back(make_segment(end));
  writing_ = segments_.back();
  producers.set_map_end(end);
}

// Finishes what a stop interrupted, and drops what Kafka's marks say is of no use; returns the files that are left.
Task<Result<std::vector<runtime::DirEntry>>> Log::Core::clear_leftovers() {
  WEIR_CO_TRY(const std::vector<runtime::DirEntry> files, co_await disk().list(path));
  std::optional<Offset> least_cleaned;
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (name && name->mark == kCleanedSuffix) least_cleaned = std::min(least_cleaned.value_or(name->base), name->base);
  }
  std::vector<runtime::DirEntry> left;
  bool changed = false;
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (!name || name->mark.empty()) {
      left.push_back(file);
      continue;
    }
    changed = true;
    // A swap that had begun before every file of it was ready is dropped; one that was complete is finished.
    const bool finish = name->mark == kSwapSuffix && !(least_cleaned && name->base >= *least_cleaned);
    if (!finish) {
      WEIR_CO_CHECK(co_await disk().remove(file_path(file.name)));
      continue;
    }
    runtime::DirEntry renamed = file;
    renamed.name = file.name.substr(0, file.name.size() - kSwapSuffix.size());
    WEIR_CO_CHECK(co_await disk().rename(file_path(file.name), file_path(renamed.name)));
    std::erase_if(left, [&](const runtime::DirEntry& other) { return other.name == renamed.name; });
    left.push_back(std::move(renamed));
  }
  if (changed) WEIR_CO_CHECK(co_await disk().sync_directory(path));
  co_return left;
}

Task<Result<void>> Log::Core::find_segments(const std::vector<runtime::DirEntry>& files) {
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (!name) continue;
    if (name->suffix == kSnapshotSuffix) snapshots_.push_back(name->base);
    if (name->suffix != kLogSuffix) continue;
    auto segment = make_segment(name->base);
    segment->size_bytes = segment->written_bytes = segment->synced_bytes = static_cast<int64_t>(file.size);
    segment->modified_ms = file.modified_ms;
    segment->has_txn_index = false;
    segment->forget_largest_timestamp();
    segments_.push_back(std::move(segment));
  }
  const auto by_base = [](const auto& a, const auto& b) { return a->base_offset() < b->base_offset(); };
  std::sort(segments_.begin(), segments_.end(), by_base);
  std::sort(snapshots_.begin(), snapshots_.end());
  std::vector<int> index_files(segments_.size(), 0);
  for (const runtime::DirEntry& file : files) {
    const auto name = parse_segment_file_name(file.name);
    if (!name || name->suffix == kLogSuffix || name->suffix == kSnapshotSuffix) continue;
    const size_t i = segments_.empty() ? 0 : segment_index(name->base);
    if (i == segments_.size() || segments_[i]->base_offset() != name->base) {
      services.environment.log.warning("log {}: {} belongs to no segment and is removed", path, file.name);
      WEIR_CO_CHECK(co_await disk().remove(file_path(file.name)));
    } else if (name->suffix == kTxnIndexSuffix) {
      segments_[i]->has_txn_index = true;
    } else {
      if (name->suffix == kOffsetIndexSuffix) segments_[i]->offset_index.start(file.size);
      else segments_[i]->time_index.start(file.size);
      ++index_files[i];
    }
  }
  for (size_t i = 0; i < segments_.size(); ++i) segments_[i]->index_files_found = index_files[i] == 2;
  co_return Result<void>();
}

Task<Result<void>> Log::Core::load_epochs() {
  const Result<Bytes> content = co_await runtime::read_file(disk(), file_path(kLeaderEpochFile), kEpochFileBytesMax);
  if (!content) {
    if (content.error().code() == ErrorCode::kNotFound) co_return Result<void>();
    co_return fail(content.error());
  }
  Result<LeaderEpochCache> parsed = LeaderEpochCache::parse(as_text(*content));
  if (!parsed) co_return fail(parsed.error().within(file_path(kLeaderEpochFile)));
  epochs = std::move(*parsed);
  co_return Result<void>();
}

// Cheap signs that a segment's indexes are not what a clean stop leaves: missing entries, or a tail of zeros.
Task<Result<bool>> Log::Core::indexes_look_right(Segment& segment) {
  const bool is_active = &segment == segments_.back().get();
  if (segment.size_bytes > 0 && !segment.index_files_found) co_return false;
  if (segment.size_bytes == 0 && segment.offset_index.entries() + segment.time_index.entries() > 0) co_return false;
  if (segment.size_bytes == 0 || !is_active) {
    segment.indexes_synced = segment.index_files_found;
    co_return true;
  }
  const Result<std::optional<OffsetEntry>> last = co_await segment.offset_index.load_newest(services.files, segment.path(kOffsetIndexSuffix));
  const Result<std::optional<TimeEntry>> newest = co_await segment.time_index.load_newest(services.files, segment.path(kTimeIndexSuffix));
  for (const Error* error : {last ? nullptr : &last.error(), newest ? nullptr : &newest.error()}) {
    if (error == nullptr) continue;
    if (error->code() == ErrorCode::kCorruptMessage || error->code() == ErrorCode::kNotFound) co_return false;
    co_return fail(*error);
  }
  if (*last && ((*last)->relative_offset <= 0 || (*last)->position <= 0 || (*last)->position >= segment.size_bytes)) co_return false;
  if (*newest && ((*newest)->timestamp < 0 || (*newest)->relative_offset < 0)) co_return false;
  segment.indexes_synced = true;
  co_return true;
}

// After a clean stop: only the batches behind the last index entry are looked at.
Task<Result<void>> Log::Core::load_active_end() {
  Segment& segment = active();
  end = segment.base_offset();
  WEIR_CO_TRY(const TimestampOffset from_index, co_await segment.load_largest_timestamp());
  WEIR_ASSERT(from_index.timestamp >= kNoTimestamp);
  if (segment.size_bytes == 0) co_return Result<void>();
  if (from_index.timestamp >= 0) {
    const auto relative = static_cast<int32_t>(from_index.offset - segment.base_offset());
    WEIR_CO_TRY(const bool right, co_await segment.is_right({from_index.timestamp, relative}));
    if (!right) co_return fail(ErrorCode::kCorruptMessage, "the time index does not agree with the log");
  }
  WEIR_CO_TRY(const auto file, co_await segment.log_file());
  {
    SegmentScan head(file, 0, segment.size_bytes, record::kHeaderBytes);
    WEIR_CO_TRY(const std::optional<record::AnyBatch> first, co_await head.next());
    if (first) segment.first_timestamp = first->max_timestamp();
  }
  WEIR_CO_TRY(const int64_t position, co_await segment.position_before(Offset(INT64_MAX)));
  SegmentScan scan(file, position, segment.size_bytes);
  for (;;) {
    WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
    if (!batch) break;
    if (batch->last_offset() < end) co_return fail(ErrorCode::kCorruptMessage, "offsets go back");
    segment.note_timestamp(batch->max_timestamp(), batch->last_offset());
    end = batch->next_offset();
  }
  if (scan.next_position() != segment.size_bytes) co_return fail(ErrorCode::kCorruptMessage, "the last batch is cut short");
  segment.close_files();
  co_return Result<void>();
}

// Accounts for the good batches `bytes` at the end of `segment`; returns how many bytes of them, all unless `wrong` is set.
Result<size_t> Log::Core::recover_batches(Segment& segment, ByteView bytes, std::string& wrong) {
  record::Batches batches(bytes);
  for (;;) {
    const size_t position = batches.position();
    WEIR_TRY(const std::optional<record::AnyBatch> batch, batches.next());
    if (!batch) return position;
    // first_offset_of() is the last offset of a legacy message, which tells no other.
    if (first_offset_of(*batch) < end || batch->last_offset() - segment.base_offset() > INT32_MAX ||
        segment.size_bytes + static_cast<int64_t>(batch->size_bytes()) > INT32_MAX) {
      wrong = fmt::format("offset {} does not follow {}", first_offset_of(*batch), end);
      return position;
    }
    segment.account(batch->last_offset(), batch->max_timestamp(), batch->size_bytes(), options.index_interval_bytes);
    if (const record::BatchView* v2 = batch->v2()) {
      if (v2->leader_epoch() > epochs.latest() && epochs.assign(v2->leader_epoch(), v2->base_offset())) note_epoch(v2->base_offset());
      account_producer(*v2, v2->bytes(), v2->base_offset(), segment, true);
    }
    end = batch->next_offset();
    producers.set_map_end(end);
  }
}

// Reads all of a segment, rebuilds its indexes and what producers and epochs say, and cuts it behind the last whole batch.
// False when something was cut.
Task<Result<bool>> Log::Core::recover_segment(Segment& segment, bool is_first) {
  WEIR_CO_TRY(const auto file, co_await segment.log_file());
  WEIR_CO_TRY(const uint64_t file_bytes, file->size());
  segment.restart_accounting();
  segment.has_txn_index = false;
  WEIR_CO_CHECK(co_await disk().remove(segment.path(kTxnIndexSuffix)));
  if (is_first || end < segment.base_offset()) end = segment.base_offset();
  Bytes buffer;   // of the file from segment.size_bytes on
  std::string wrong;
  size_t wanted = std::min<uint64_t>(kRecoveryChunkBytes, file_bytes);
  while (wrong.empty()) {
    const size_t have = buffer.size();
    const uint64_t left = file_bytes - static_cast<uint64_t>(segment.size_bytes) - have;
    if (left == 0 || wanted > have + left) break;   // the file ends, perhaps inside a batch
    buffer.resize(wanted);
    WEIR_CO_CHECK(co_await read_fully(*file, static_cast<uint64_t>(segment.size_bytes) + have, MutableBytes(buffer).subspan(have)));
    const Checked checked = co_await services.environment.offload.run(executor(), [&buffer] { return check_batches(buffer); });
    wrong = checked.wrong;
    WEIR_CO_TRY(const size_t taken, recover_batches(segment, ByteView(buffer).first(checked.good_bytes), wrong));
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(taken));
    // A batch larger than the chunk needs a larger one.
    const Result<std::optional<size_t>> size = record::peek_size(buffer);
    const uint64_t ahead = file_bytes - static_cast<uint64_t>(segment.size_bytes);
    wanted = size && *size ? std::max(**size, std::min<uint64_t>(kRecoveryChunkBytes, ahead)) : std::min<uint64_t>(kRecoveryChunkBytes, ahead);
  }
  segment.written_bytes = segment.size_bytes;
  const uint64_t good = static_cast<uint64_t>(segment.size_bytes);
  if (good == file_bytes) co_return true;
  const bool zeros = !buffer.empty() && std::all_of(buffer.begin(), buffer.end(), [](std::byte b) { return b == std::byte{0}; });
  if (zeros) {
    services.environment.log.info("{}: {} bytes of zeros behind offset {} are cut", file->path(), file_bytes - good, end);
  } else {
    services.environment.log.warning("{}: {} bytes behind offset {} are cut: {}", file->path(), file_bytes - good, end,
                                     wrong.empty() ? "the last batch is cut short" : wrong);
  }
  WEIR_CO_CHECK(co_await file->truncate(good));
  co_return false;
}

// Everything from the segment that holds the recovery point on is read again, in offset order, because producers and epochs
// need it; what lies before was synced and is taken as it is.
Task<Result<void>> Log::Core::recover_from(Offset recovery_point) {
  size_t first = segment_index(recovery_point);
  for (size_t i = 0; i < first; ++i) {
    // A segment whose indexes did not survive is read again too.
    segments_[i]->indexes_synced = true;
    if (segments_[i]->size_bytes == 0) continue;
    const Result<std::optional<OffsetEntry>> last = co_await segments_[i]->offset_index.load_newest(services.files, segments_[i]->path(kOffsetIndexSuffix));
    if (!last && last.error().code() != ErrorCode::kCorruptMessage && last.error().code() != ErrorCode::kNotFound) co_return fail(last.error());
    const bool right = segments_[i]->index_files_found && last &&
                       (!*last || ((*last)->relative_offset > 0 && (*last)->position < segments_[i]->size_bytes));
    if (!right) first = i;
  }
  end = segments_[first]->base_offset();
  WEIR_CO_CHECK(co_await rebuild_producers(end));
  for (size_t i = first; i < segments_.size(); ++i) {
    const std::shared_ptr<Segment> segment = segments_[i];
    WEIR_CO_TRY(const bool whole, co_await recover_segment(*segment, i == first));
    segment->synced_bytes = -1;   // not known to be synced
    if (!whole) recovery_cut_ = true;
    if (!whole && i + 1 < segments_.size()) {
      services.environment.log.warning("log {}: {} segments behind the cut at offset {} are removed", path, segments_.size() - i - 1, end);
      WEIR_CO_CHECK(co_await drop_segments_from(i + 1));
    }
    if (i + 1 < segments_.size()) {
      segment->seal();
      WEIR_CO_CHECK(co_await segment->write_indexes());
    }
  }
  ++directory_changes_;
  co_return Result<void>();
}

// A snapshot is kept at the beginning of each segment, and the newest one.
Task<Result<void>> Log::Core::drop_stray_snapshots() {
  const std::vector<Offset> all = snapshots_;
  for (size_t i = 0; i + 1 < all.size(); ++i) {
    const Offset offset = all[i];
    if (segments_[segment_index(offset)]->base_offset() == offset) continue;
    WEIR_CO_CHECK(co_await disk().remove(file_path(segment_file_name(offset, kSnapshotSuffix))));
    std::erase(snapshots_, offset);
  }
  co_return Result<void>();
}

// From the newest snapshot at or before `up_to` that can be read, and the batches after it.
Task<Result<void>> Log::Core::rebuild_producers(Offset up_to) {
  const Offset begin = std::min(log_start, up_to);   // the start of a checkpoint may lie anywhere
  producers.clear();
  producers.set_map_end(begin);
  for (size_t i = snapshots_.size(); i-- > 0;) {
    const Offset at = snapshots_[i];
    if (at > up_to) continue;
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
    if (segment.written_bytes == 0) continue;
    int64_t position = 0;
    if (segment.base_offset() < from) {
      WEIR_CO_TRY(position, co_await segment.position_before(from));
    }
    WEIR_CO_TRY(auto file, co_await segment.log_file());
    SegmentScan scan(std::move(file), position, segment.written_bytes, kRecoveryChunkBytes);
    for (;;) {
      WEIR_CO_TRY(const std::optional<record::AnyBatch> batch, co_await scan.next());
      if (!batch || first_offset_of(*batch) >= up_to) break;
      if (batch->next_offset() <= from) continue;
      if (const record::BatchView* v2 = batch->v2()) account_producer(*v2, v2->bytes(), v2->base_offset(), segment, false);
    }
  }
  producers.set_map_end(up_to);
  co_return Result<void>();
}

}  // namespace weir::storage
