// Reading a .log file batch by batch.
//
// Owner    the stack of who reads; keeps the file open.
// Shard    the log's.
// Format   docs/formats/segment.md
#pragma once

#include <memory>
#include <optional>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/record/batches.h"
#include "weir/runtime/disk.h"

namespace weir::storage {

// Reads the batches of a .log file front to back, whole, from `position` to `end`. CRCs are not checked.
class SegmentScan {
 public:
  static constexpr size_t kChunkBytes = 64 << 10;
  SegmentScan(std::shared_ptr<runtime::File> file, int64_t position, int64_t end, size_t chunk_bytes = kChunkBytes)
      : file_(std::move(file)), position_(position), end_(end), chunk_bytes_(chunk_bytes) {}

  // The next batch, valid until the call after; nullopt at the end, or where a batch is cut short by it.
  // Errors: kCorruptMessage (not a batch), and what reading says.
  runtime::Task<Result<std::optional<record::AnyBatch>>> next();
  // Of the batch returned last.
  int64_t position() const { return last_position_; }
  // Behind the batch returned last.
  int64_t next_position() const { return position_; }

 private:
  std::shared_ptr<runtime::File> file_;
  int64_t position_;
  int64_t last_position_ = 0;
  int64_t end_;
  size_t chunk_bytes_;
  Bytes buffer_;
  size_t used_ = 0;   // of buffer_, already returned
};

// Reads exactly `into.size()` bytes, from memory where they are. Errors: kCorruptMessage when the file is shorter.
runtime::Task<Result<void>> read_fully(runtime::File& file, uint64_t position, MutableBytes into);

}  // namespace weir::storage
