#include "weir/cli/backup/batch_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/crc32c.h"

namespace weir::cli {

using runtime::Task;

Task<Result<BatchFile>> BatchFile::open(runtime::Disk& disk, std::string path) {
  WEIR_CO_TRY(auto file, co_await disk.open(std::move(path), runtime::OpenMode::kRead));
  co_return BatchFile(std::move(file));
}

// Until `wanted` bytes lie behind at_, or the file ends.
Task<Result<void>> BatchFile::read_more(size_t wanted) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(at_));
  at_ = 0;
  while (buffer_.size() < wanted && !at_end_) {
    const size_t before = buffer_.size();
    buffer_.resize(std::max(wanted, before + kPieceBytes));
    const MutableBytes into = MutableBytes(buffer_).subspan(before);
    WEIR_CO_TRY(const size_t count, co_await file_->read_at(read_to_, into));
    crc_ = crc32c(into.first(count), crc_);
    read_to_ += count;
    at_end_ = count < into.size();
    buffer_.resize(before + count);
  }
  co_return Result<void>();
}

Task<Result<std::optional<record::BatchView>>> BatchFile::next() {
  const auto left = [this] { return ByteView(buffer_).subspan(at_); };
  const auto wrong = [this](std::string_view what) { return fail(ErrorCode::kCorruptMessage, fmt::format("at byte {}: {}", position_, what)); };
  if (left().size() < record::kHeaderBytes) WEIR_CO_CHECK(co_await read_more(record::kHeaderBytes));
  if (left().empty()) co_return std::optional<record::BatchView>();
  const auto size = record::peek_size(left());
  if (!size || !*size) co_return wrong(left().size() < record::kPrefixBytes ? "cut short" : "no batch begins here");
  if (**size > kBatchBytesMax) co_return wrong("a batch of more than 1 GiB");
  if (left().size() < **size) WEIR_CO_CHECK(co_await read_more(**size));
  if (left().size() < **size) co_return wrong("cut short");
  const auto batch = record::BatchView::parse(left().first(**size));
  if (!batch) co_return wrong(batch.error().message());
  if (!batch->crc_matches()) co_return wrong("the batch fails its checksum");
  at_ += **size;
  position_ += **size;
  co_return std::optional<record::BatchView>(*batch);
}

}  // namespace weir::cli
