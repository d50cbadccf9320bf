// .txnindex: aborted transactions whose markers lie in one segment, the older ones in the file, the newer ones in memory until
// they are written.
//
// Owner    Segment.
// Format   docs/formats/indexes.md: 34 bytes an entry. The file exists only when there is an entry.
// Holds    entries rise by last_offset
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/runtime/disk.h"
#include "weir/storage/log.h"

namespace weir::storage {

inline constexpr size_t kTxnEntryBytes = 34;

Bytes encode_txn_entries(const std::vector<AbortedTransaction>& entries);
// Errors: kCorruptMessage (unknown version, a size that is no multiple of an entry).
Result<std::vector<AbortedTransaction>> decode_txn_entries(ByteView bytes);

class TxnIndex {
 public:
  // What the directory says about the file when the log is opened.
  void found(bool there) { in_file_ = there; }
  void append(const AbortedTransaction& entry) { unwritten_.push_back(entry); }
  // All entries anew; there is no file of the old ones.
  void replace(std::vector<AbortedTransaction> entries) {
    unwritten_ = std::move(entries);
    in_file_ = false;
  }

  runtime::Task<Result<std::vector<AbortedTransaction>>> load(runtime::Disk& disk, std::string path);
  // Moves what is in memory to the file. One call at a time; entries appended meanwhile stay in memory.
  runtime::Task<Result<void>> write(runtime::Disk& disk, std::string path);
  runtime::Task<Result<void>> sync(runtime::Disk& disk, std::string path);

 private:
  std::vector<AbortedTransaction> unwritten_;
  std::optional<bool> in_file_;   // whether the file is there, when known
};

}  // namespace weir::storage
