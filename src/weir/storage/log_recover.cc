// Recovery: what lies behind the recovery point is read again, and cut where it is not whole.
#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/log_core.h"

namespace weir::storage {
namespace {

constexpr size_t kRecoveryChunkBytes = 1 << 20;

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

// Accounts for the good batches `bytes` at the end of `segment`; returns how many bytes of them, all unless `wrong` is set.
Result<size_t> Log::Core::recover_batches(Segment& segment, ByteView bytes, std::string& wrong) {
  record::Batches batches(bytes);
  for (;;) {
    const size_t position = batches.position();
    WEIR_TRY(const std::optional<record::AnyBatch> batch, batches.next());
    if (!batch) return position;
    // first_offset() is the last offset of a legacy message, which tells no other.
    if (batch->first_offset() < end || batch->last_offset() - segment.base_offset() > INT32_MAX ||
        segment.size_bytes() + static_cast<int64_t>(batch->size_bytes()) > INT32_MAX) {
      wrong = fmt::format("offset {} does not follow {}", batch->first_offset(), end);
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
  segment.begin_recovery();
  WEIR_CO_CHECK(co_await disk().remove(segment.path(kTxnIndexSuffix)));
  if (is_first || end < segment.base_offset()) end = segment.base_offset();
  Bytes buffer;   // of the file from segment.size_bytes() on
  std::string wrong;
  size_t wanted = std::min<uint64_t>(kRecoveryChunkBytes, file_bytes);
  while (wrong.empty()) {
    const size_t have = buffer.size();
    const uint64_t left = file_bytes - static_cast<uint64_t>(segment.size_bytes()) - have;
    if (left == 0 || wanted > have + left) break;   // the file ends, perhaps inside a batch
    buffer.resize(wanted);
    WEIR_CO_CHECK(co_await read_fully(*file, static_cast<uint64_t>(segment.size_bytes()) + have, MutableBytes(buffer).subspan(have)));
    const Checked checked = co_await services.environment.offload.run(executor(), [&buffer] { return check_batches(buffer); });
    wrong = checked.wrong;
    WEIR_CO_TRY(const size_t taken, recover_batches(segment, ByteView(buffer).first(checked.good_bytes), wrong));
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(taken));
    // A batch larger than the chunk needs a larger one.
    const Result<std::optional<size_t>> size = record::peek_size(buffer);
    const uint64_t ahead = file_bytes - static_cast<uint64_t>(segment.size_bytes());
    wanted = size && *size ? std::max(**size, std::min<uint64_t>(kRecoveryChunkBytes, ahead)) : std::min<uint64_t>(kRecoveryChunkBytes, ahead);
  }
  segment.end_recovery();
  const uint64_t good = static_cast<uint64_t>(segment.size_bytes());
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
    WEIR_CO_TRY(const bool right, co_await segments_[i]->indexes_survived());
    if (!right) first = i;
  }
  end = segments_[first]->base_offset();
  WEIR_CO_CHECK(co_await rebuild_producers(end));
  for (size_t i = first; i < segments_.size(); ++i) {
    const std::shared_ptr<Segment> segment = segments_[i];
    WEIR_CO_TRY(const bool whole, co_await recover_segment(*segment, i == first));
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

}  // namespace weir::storage
