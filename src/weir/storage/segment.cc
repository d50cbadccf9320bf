#include "weir/storage/segment.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/storage/txn_index.h"

namespace weir::storage {
namespace {

constexpr uint64_t kTxnIndexBytesMax = uint64_t{1} << 30;
constexpr std::string_view kAllSuffixes[] = {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix};

}  // namespace

std::string Segment::path(std::string_view suffix) const {
  return fmt::format("{}/{:020}{}{}", dir_, base_offset_.value(), suffix, removed ? kDeletedSuffix : std::string_view());
}

void Segment::account(Offset last_offset, TimestampMs max_timestamp, size_t bytes, int64_t index_interval_bytes) {
  WEIR_ASSERT(!sealed && last_offset >= base_offset_, last_offset, base_offset_);
  WEIR_ASSERT(last_offset - base_offset_ <= INT32_MAX && size_bytes <= INT32_MAX, last_offset, base_offset_, size_bytes);
  if (size_bytes == 0) first_timestamp = max_timestamp;
  if (max_timestamp > largest_.timestamp) largest_ = {max_timestamp, last_offset, kNoLeaderEpoch};
  if (bytes_since_entry_ > index_interval_bytes) {
    offset_index.append({static_cast<int32_t>(last_offset - base_offset_), static_cast<int32_t>(size_bytes)});
    if (largest_.timestamp >= 0 && (!time_index.newest() || time_index.newest()->timestamp < largest_.timestamp)) {
      time_index.append({largest_.timestamp, static_cast<int32_t>(largest_.offset - base_offset_)});
    }
    bytes_since_entry_ = 0;
  }
  bytes_since_entry_ += static_cast<int64_t>(bytes);
  size_bytes += static_cast<int64_t>(bytes);
}

void Segment::seal() {
  WEIR_ASSERT(!sealed && largest_known_, base_offset_);
  sealed = true;
  if (largest_.timestamp >= 0 && (!time_index.newest() || time_index.newest()->timestamp < largest_.timestamp)) {
    time_index.append({largest_.timestamp, static_cast<int32_t>(largest_.offset - base_offset_)});
  }
}

void Segment::restart_accounting() {
  size_bytes = written_bytes = synced_bytes = 0;
  bytes_since_entry_ = 0;
  largest_ = {};
  largest_known_ = true;
  first_timestamp.reset();
  offset_index.reset();
  time_index.reset();
  aborted.clear();
  has_txn_index.reset();
  sealed = indexes_synced = index_damaged = false;
}

runtime::Task<Result<std::shared_ptr<runtime::File>>> Segment::log_file(runtime::OpenMode mode) {
  return files_.get(log_handle_, path(kLogSuffix), mode);
}

void Segment::close_files() {
  log_handle_.close();
  offset_index.close_file();
  time_index.close_file();
}

runtime::Task<Result<void>> Segment::write_indexes() {
  WEIR_CO_CHECK(co_await offset_index.write(files_, path(kOffsetIndexSuffix)));
  WEIR_CO_CHECK(co_await time_index.write(files_, path(kTimeIndexSuffix)));
  if (aborted.empty()) co_return Result<void>();
  const std::vector<AbortedTransaction> entries = aborted;
  const Bytes bytes = encode_txn_entries(entries);
  WEIR_CO_TRY(const auto file, co_await files_.disk().open(path(kTxnIndexSuffix), runtime::OpenMode::kCreate));
  WEIR_CO_TRY(const uint64_t size, file->size());
  const ByteView part(bytes);
  const uint64_t position = size - size % kTxnEntryBytes;
  const Result<void> written = co_await file->write_at(position, {&part, 1});
  if (!written) {
    (void)co_await file->truncate(position);   // they are written again: none may be there twice
    co_return written;
  }
  aborted.erase(aborted.begin(), aborted.begin() + static_cast<ptrdiff_t>(entries.size()));
  has_txn_index = true;
  co_return Result<void>();
}

runtime::Task<Result<void>> Segment::sync_indexes() {
  WEIR_CO_CHECK(co_await offset_index.sync(files_, path(kOffsetIndexSuffix)));
  WEIR_CO_CHECK(co_await time_index.sync(files_, path(kTimeIndexSuffix)));
  if (has_txn_index.value_or(false)) {
    WEIR_CO_TRY(const auto file, co_await files_.disk().open(path(kTxnIndexSuffix), runtime::OpenMode::kReadWrite));
    WEIR_CO_CHECK(co_await file->sync_data());
  }
  co_return Result<void>();
}

runtime::Task<Result<std::vector<AbortedTransaction>>> Segment::load_aborted() {
  // The writer may move entries to the file meanwhile: those in memory now are kept, and what is found twice counts once.
  const std::vector<AbortedTransaction> in_memory = aborted;
  std::vector<AbortedTransaction> all;
  if (has_txn_index.value_or(true)) {
    const Result<Bytes> content = co_await runtime::read_file(files_.disk(), path(kTxnIndexSuffix), kTxnIndexBytesMax);
    if (!content && content.error().code() != ErrorCode::kNotFound) co_return fail(content.error());
    if (!has_txn_index) has_txn_index = content.has_value();
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

runtime::Task<Result<void>> Segment::mark_deleted() {
  close_files();
  for (const std::string_view suffix : kAllSuffixes) {
    const std::string from = path(suffix);
    Result<void> renamed = co_await files_.disk().rename(from, from + std::string(kDeletedSuffix));
    // A full disk may have no room for a name; and it is now that space is wanted.
    if (!renamed && renamed.error().code() == ErrorCode::kNoSpace) renamed = co_await files_.disk().remove(from);
    if (!renamed && renamed.error().code() != ErrorCode::kNotFound) co_return fail(renamed.error());
  }
  removed = true;
  close_files();   // a read may have opened one meanwhile, under its old name
  co_return Result<void>();
}

runtime::Task<Result<void>> Segment::remove_files() {
  close_files();
  for (const std::string_view suffix : kAllSuffixes) WEIR_CO_CHECK(co_await files_.disk().remove(path(suffix)));
  co_return Result<void>();
}

}  // namespace weir::storage
