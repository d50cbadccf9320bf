#include "weir/storage/file_cache.h"

#include <algorithm>

namespace weir::storage {

void FileCache::Handle::close() {
  if (file_ == nullptr) return;
  unlink();
  file_.reset();
  WEIR_ASSERT(cache_->open_count_ > 0);
  --cache_->open_count_;
}

std::shared_ptr<runtime::File> FileCache::try_get(Handle& handle) {
  if (handle.file_ == nullptr) return nullptr;
  handle.unlink();
  handle.used_in_ = period_;
  open_.push_back(handle);
  return handle.file_;
}

// The process has no descriptor left: other users take them. A quarter of ours is given back for good, so that these go on too.
void FileCache::make_room() {
  open_max_ = std::max(kLeast, open_count_ - open_count_ / 4);
  size_t most = open_max_ - 1;
  while (open_count_ > most) open_.front().close();
}

std::shared_ptr<runtime::File> FileCache::lend(std::shared_ptr<runtime::File> file) {
  WEIR_ASSERT(file != nullptr);
  if (*lent_ >= lend_max()) return nullptr;
  ++*lent_;
  runtime::File* const raw = file.get();
  return {raw, [held = std::move(file), lent = lent_](runtime::File*) {
            WEIR_ASSERT(*lent > 0);
            --*lent;
          }};
}

void FileCache::close_idle() {
  ++period_;
  while (!open_.empty() && open_.front().used_in_ + 2 < period_) open_.front().close();
}

runtime::Task<Result<std::shared_ptr<runtime::File>>> FileCache::get(Handle& handle, std::string path, runtime::OpenMode mode) {
  if (auto file = try_get(handle)) co_return file;
  Result<std::unique_ptr<runtime::File>> tried = co_await disk_.open(path, mode);
  if (!tried && tried.error().code() == ErrorCode::kUnavailable && open_count_ > 0) {
    make_room();
    tried = co_await disk_.open(std::move(path), mode);
  }
  WEIR_CO_TRY(std::unique_ptr<runtime::File> opened, std::move(tried));
  if (auto file = try_get(handle)) co_return file;   // somebody else opened it meanwhile
  while (open_count_ >= open_max_) open_.front().close();
  handle.cache_ = this;
  handle.used_in_ = period_;
  handle.file_ = std::move(opened);
  open_.push_back(handle);
  ++open_count_;
  co_return handle.file_;
}

}  // namespace weir::storage
