// An open file of SimDisk. Holds the inode, so that a removed file stays readable.
#pragma once

#include <string>

#include "weir/runtime/sim/disk.h"

namespace weir::runtime {

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, SimInodePtr inode, std::string path, bool writable)
      : disk_(disk), inode_(std::move(inode)), path_(std::move(path)), writable_(writable) {}

  Task<Result<size_t>> read_at(uint64_t position, MutableBytes into) override;
  Result<size_t> read_cached(uint64_t position, MutableBytes into) override;
  Task<Result<void>> write_at(uint64_t position, std::span<const ByteView> parts) override;
  Task<Result<void>> sync_data() override;
  Task<Result<void>> truncate(uint64_t size) override;
  Result<uint64_t> size() const override { return inode_->content.size(); }
  const std::string& path() const override { return path_; }

 private:
  Result<void> check_writable() const;

  SimDisk& disk_;
  SimInodePtr inode_;
  std::string path_;
  bool writable_;
};

}  // namespace weir::runtime
