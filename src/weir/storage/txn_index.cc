#include "weir/storage/txn_index.h"

#include <fmt/format.h>

#include "weir/base/reader.h"
#include "weir/base/writer.h"

namespace weir::storage {
namespace {

constexpr int16_t kTxnIndexVersion = 0;

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

}  // namespace weir::storage
