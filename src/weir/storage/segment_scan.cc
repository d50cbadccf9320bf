#include "weir/storage/segment_scan.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"

namespace weir::storage {

runtime::Task<Result<void>> read_fully(runtime::File& file, uint64_t position, MutableBytes into) {
  size_t done = 0;
  if (const Result<size_t> cached = file.read_cached(position, into)) done = *cached;
  while (done < into.size()) {
    WEIR_CO_TRY(const size_t count, co_await file.read_at(position + done, into.subspan(done)));
    if (count == 0) co_return fail(ErrorCode::kCorruptMessage, fmt::format("{} ends inside what was written to it", file.path()));
    done += count;
  }
  co_return Result<void>();
}

runtime::Task<Result<std::optional<record::AnyBatch>>> SegmentScan::next() {
  for (;;) {
    const ByteView rest = ByteView(buffer_).subspan(used_);
    size_t needed = 0;
    WEIR_CO_TRY(const std::optional<size_t> size, record::peek_size(rest));
    if (size && rest.size() >= *size) {
      record::Batches batches(rest.first(*size));
      WEIR_CO_TRY(std::optional<record::AnyBatch> batch, batches.next());
      WEIR_ASSERT(batch.has_value(), *size);
      used_ += *size;
      last_position_ = position_;
      position_ += static_cast<int64_t>(*size);
      co_return batch;
    }
    needed = size ? *size : record::kPrefixBytes;
    if (static_cast<int64_t>(needed) > end_ - position_) co_return std::nullopt;
    const size_t count = std::min(std::max(needed, chunk_bytes_), static_cast<size_t>(end_ - position_));
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(used_));
    used_ = 0;
    const size_t have = buffer_.size();
    buffer_.resize(count);
    WEIR_CO_CHECK(co_await read_fully(*file_, static_cast<uint64_t>(position_) + have, MutableBytes(buffer_).subspan(have)));
  }
}

}  // namespace weir::storage
