#include "weir/runtime/disk.h"

namespace weir::runtime {

std::string parent_directory(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

Task<Result<Bytes>> read_file(Disk& disk, std::string path, uint64_t bytes_max) {
  WEIR_CO_TRY(const std::unique_ptr<File> file, co_await disk.open(path, OpenMode::kRead));
  WEIR_CO_TRY(const uint64_t size, file->size());
  if (size > bytes_max) {
    co_return fail(ErrorCode::kOutputTooLarge, fmt::format("{} has {} bytes, more than the {} allowed", path, size, bytes_max));
  }
  Bytes content(size);
  WEIR_CO_TRY(const size_t count, co_await file->read_at(0, content));
  content.resize(count);
  co_return content;
}

Task<Result<void>> write_file_atomically(Disk& disk, std::string path, Bytes content) {
  const std::string temporary = path + ".tmp";
  {
    WEIR_CO_TRY(const std::unique_ptr<File> file, co_await disk.open(temporary, OpenMode::kCreate));
    WEIR_CO_CHECK(co_await file->truncate(0));
    const ByteView part(content);
    Result<void> written = co_await file->write_at(0, {&part, 1});
    if (written) written = co_await file->sync_data();
    if (!written) {
      (void)co_await disk.remove(temporary);   // a full disk needs the space, and nobody the half of a file
      co_return written;
    }
  }
  WEIR_CO_CHECK(co_await disk.rename(temporary, path));
  co_return co_await disk.sync_directory(parent_directory(path));
}

}  // namespace weir::runtime
