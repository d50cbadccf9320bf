#include "weir/storage/file_cache.h"

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
  open_.push_back(handle);
  return handle.file_;
}

runtime::Task<Result<std::shared_ptr<runtime::File>>> FileCache::get(Handle& handle, std::string path, runtime::OpenMode mode) {
  if (auto file = try_get(handle)) co_return file;
  WEIR_CO_TRY(std::unique_ptr<runtime::File> opened, co_await disk_.open(std::move(path), mode));
  if (auto file = try_get(handle)) co_return file;   // somebody else opened it meanwhile
  while (open_count_ >= open_max_) open_.front().close();
  handle.cache_ = this;
  handle.file_ = std::move(opened);
  open_.push_back(handle);
  ++open_count_;
  co_return handle.file_;
}

}  // namespace weir::storage
