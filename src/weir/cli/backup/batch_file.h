// Reads the batches of one file of a backup, front to back, a piece at a time.
//
// Owner    one coroutine.
#pragma once

#include <memory>
#include <optional>

#include "weir/record/batch.h"
#include "weir/runtime/disk.h"

namespace weir::cli {

class BatchFile {
 public:
  static constexpr size_t kPieceBytes = 4 << 20;
  static constexpr size_t kBatchBytesMax = 1 << 30;

  static runtime::Task<Result<BatchFile>> open(runtime::Disk& disk, std::string path);

  // The next batch; its bytes live until the next call. None at the end.
  // Errors: kCorruptMessage (cut short, not a batch of magic 2, or its checksum fails), kDiskError.
  runtime::Task<Result<std::optional<record::BatchView>>> next();

  uint64_t position() const { return position_; }
  // Of all bytes read so far.
  uint32_t crc() const { return crc_; }

 private:
  explicit BatchFile(std::unique_ptr<runtime::File> file) : file_(std::move(file)) {}
  runtime::Task<Result<void>> read_more(size_t wanted);

  std::unique_ptr<runtime::File> file_;
  Bytes buffer_;
  size_t at_ = 0;          // of the next batch, in the buffer
  uint64_t read_to_ = 0;   // in the file
  uint64_t position_ = 0;  // of the batch after the one returned last
  bool at_end_ = false;
  uint32_t crc_ = 0;
};

}  // namespace weir::cli
