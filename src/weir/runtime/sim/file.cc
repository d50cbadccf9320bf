#include "weir/runtime/sim/file.h"

namespace weir::runtime {

Task<Result<size_t>> SimFile::read_at(uint64_t position, MutableBytes into) {
  SimDisk& disk = disk_;
  co_await SimDelay(disk.executor_, disk.how_long(SimDisk::Kind::kRead, into.size()));
  WEIR_CO_CHECK(disk.outcome(SimDisk::Kind::kRead, path_));
  const size_t count = inode_->content.read(position, into);
  disk.core_.note(SimEvent::kRead, disk.executor_.node(), static_cast<int64_t>(position), static_cast<int64_t>(count));
  co_return count;
}

Result<size_t> SimFile::read_cached(uint64_t position, MutableBytes into) {
  if (disk_.broken_ || disk_.caching_.chance(disk_.options_.cache_miss_percent)) return fail(ErrorCode::kUnavailable);
  if (into.size() > 1 && disk_.caching_.chance(disk_.options_.cache_miss_percent)) {
    into = into.first(1 + disk_.caching_.below(into.size()));
  }
  return inode_->content.read(position, into);
}

Task<Result<void>> SimFile::write_at(uint64_t position, std::span<const ByteView> parts) {
  SimDisk& disk = disk_;
  WEIR_CO_CHECK(check_writable());
  uint64_t bytes = 0;
  for (const ByteView part : parts) bytes += part.size();
  const Duration time = disk.how_long(SimDisk::Kind::kWrite, bytes);
  const bool early = disk.placing_.chance(50);
  Result<void> result;
  if (early) result = disk.apply_write(*inode_, path_, position, parts);
  co_await SimDelay(disk.executor_, time);
  if (!early) result = disk.apply_write(*inode_, path_, position, parts);
  disk.core_.note(SimEvent::kWrite, disk.executor_.node(), static_cast<int64_t>(position), static_cast<int64_t>(bytes));
  co_return result;
}

Task<Result<void>> SimFile::sync_data() {
  SimDisk& disk = disk_;
  const FileContent::Snapshot snapshot = inode_->content.begin_sync();
  co_await SimDelay(disk.executor_, disk.how_long(SimDisk::Kind::kSync, snapshot.bytes.size()));
  Result<void> claimed = disk.claim(*inode_, inode_->content.size(), path_);
  if (claimed) claimed = disk.outcome(SimDisk::Kind::kSync, path_);
  if (!claimed) {
    inode_->content.fail_sync();
    co_return claimed;
  }
  inode_->content.end_sync(snapshot);
  disk.core_.note(SimEvent::kSync, disk.executor_.node(), static_cast<int64_t>(inode_->id),
                  static_cast<int64_t>(snapshot.bytes.size()));
  co_return Result<void>();
}

Task<Result<void>> SimFile::truncate(uint64_t size) {
  SimDisk& disk = disk_;
  WEIR_CO_CHECK(check_writable());
  co_await SimDelay(disk.executor_, disk.how_long(SimDisk::Kind::kMetadata, 0));
  WEIR_CO_CHECK(disk.outcome(SimDisk::Kind::kMetadata, path_));
  // A longer file is a hole: it takes no space until written.
  if (size < inode_->content.size()) WEIR_CO_CHECK(disk.claim(*inode_, size, path_));
  inode_->content.truncate(size);
  inode_->modified_ms = disk.now_ms();
  disk.core_.note(SimEvent::kTruncate, disk.executor_.node(), static_cast<int64_t>(inode_->id), static_cast<int64_t>(size));
  co_return Result<void>();
}

Result<void> SimFile::check_writable() const {
  if (writable_) return {};
  return fail(ErrorCode::kPermissionDenied, fmt::format("{}: open for reading only", path_));
}

}  // namespace weir::runtime
