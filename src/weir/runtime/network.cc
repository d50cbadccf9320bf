#include "weir/runtime/network.h"

#include <algorithm>

#include "weir/runtime/disk.h"

namespace weir::runtime {
namespace {

// In memory of a range that is sent by reading it, for as long as its peer takes; no more ranges than files may be lent.
constexpr size_t kChunkBytes = 64 << 10;

}  // namespace

Task<Result<void>> Stream::write_file(const FileRange& range) {
  File* const file = dynamic_cast<File*>(range.source.get());
  WEIR_ASSERT(file != nullptr);
  Bytes chunk(std::min(range.size, kChunkBytes));
  for (size_t done = 0; done < range.size;) {
    const MutableBytes into = MutableBytes(chunk).first(std::min(chunk.size(), range.size - done));
    WEIR_CO_TRY(const size_t count, co_await file->read_at(range.position + done, into));
    if (count == 0) co_return fail(ErrorCode::kDiskError, fmt::format("{} ends inside what was to be sent of it", file->path()));
    done += count;
    const ByteView part = into.first(count);
    WEIR_CO_CHECK(co_await write_all({&part, 1}, done < range.size));
  }
  co_return Result<void>();
}

}  // namespace weir::runtime
