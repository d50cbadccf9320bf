// .txnindex: aborted transactions whose markers lie in one segment.
//
// Owner    Segment.
// Format   docs/formats/indexes.md: 34 bytes an entry. The file exists only when there is an entry.
// Holds    entries rise by last_offset
#pragma once

#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/storage/log.h"

namespace weir::storage {

inline constexpr size_t kTxnEntryBytes = 34;

Bytes encode_txn_entries(const std::vector<AbortedTransaction>& entries);
// Errors: kCorruptMessage (unknown version, a size that is no multiple of an entry).
Result<std::vector<AbortedTransaction>> decode_txn_entries(ByteView bytes);

}  // namespace weir::storage
