#include "weir/storage/txn_index.h"

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/base/reader.h"
#include "weir/base/writer.h"

namespace weir::storage {
namespace {

constexpr int16_t kTxnIndexVersion = 0;
constexpr uint64_t kTxnIndexBytesMax = uint64_t{1} << 30;

}  // namespace

Bytes encode_txn_entries(const std::vector<AbortedTransaction>& entries) {
  Writer out(entries.size() * kTxnEntryBytes);
  for (const AbortedTransaction& entry : entries) {
    out.i16(kTxnIndexVersion);
    out.i64(entry.producer_id.value());
    out.i64(entry.first_offset.value());
    out.i64(entry.last_offset.value());
    out.i64(entry.last_stable_offset.value());
  }
  return std::move(out).take();
}

Result<std::vector<AbortedTransaction>> decode_txn_entries(ByteView bytes) {
  if (bytes.size() % kTxnEntryBytes != 0) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("transaction index of {} bytes is not whole entries of {}", bytes.size(), kTxnEntryBytes));
  }
  Reader in(bytes);
  std::vector<AbortedTransaction> entries;
  while (in.remaining() > 0) {
    const int16_t version = in.i16();
    if (version != kTxnIndexVersion) return fail(ErrorCode::kCorruptMessage, fmt::format("transaction index entry has version {}", version));
    const ProducerId producer_id(in.i64());
    const Offset first(in.i64());
    const Offset last(in.i64());
    entries.push_back({producer_id, first, last, Offset(in.i64())});
  }
  return entries;
}

runtime::Task<Result<std::vector<AbortedTransaction>>> TxnIndex::load(runtime::Disk& disk, std::string path) {
  // The writer may move entries to the file meanwhile: those in memory now are kept, and what is found twice counts once.
  const std::vector<AbortedTransaction> in_memory = unwritten_;
  std::vector<AbortedTransaction> all;
  if (in_file_.value_or(true)) {
    const Result<Bytes> content = co_await runtime::read_file(disk, std::move(path), kTxnIndexBytesMax);
    if (!content && content.error().code() != ErrorCode::kNotFound) co_return fail(content.error());
    if (!in_file_) in_file_ = content.has_value();
    if (content) {
      // The last entry may be half written; it is in memory too.
      WEIR_CO_TRY(all, decode_txn_entries(ByteView(*content).first(content->size() - content->size() % kTxnEntryBytes)));
    }
  }
  for (const AbortedTransaction& entry : in_memory) {
    if (all.empty() || all.back().last_offset < entry.last_offset) all.push_back(entry);
  }
  co_return all;
}

runtime::Task<Result<void>> TxnIndex::write(runtime::Disk& disk, std::string path) {
  if (unwritten_.empty()) co_return Result<void>();
  const size_t count = unwritten_.size();
  const Bytes bytes = encode_txn_entries(unwritten_);
  WEIR_CO_TRY(const auto file, co_await disk.open(std::move(path), runtime::OpenMode::kCreate));
  WEIR_CO_TRY(const uint64_t size, file->size());
  const ByteView part(bytes);
  const uint64_t position = size - size % kTxnEntryBytes;
  const Result<void> written = co_await file->write_at(position, {&part, 1});
  if (!written) {
    (void)co_await file->truncate(position);   // they are written again: none may be there twice
    co_return written;
  }
  WEIR_ASSERT(unwritten_.size() >= count, unwritten_.size(), count);
  unwritten_.erase(unwritten_.begin(), unwritten_.begin() + static_cast<ptrdiff_t>(count));
  in_file_ = true;
  co_return Result<void>();
}

runtime::Task<Result<void>> TxnIndex::sync(runtime::Disk& disk, std::string path) {
  if (!in_file_.value_or(false)) co_return Result<void>();
  WEIR_CO_TRY(const auto file, co_await disk.open(std::move(path), runtime::OpenMode::kReadWrite));
  co_return co_await file->sync_data();
}

}  // namespace weir::storage
