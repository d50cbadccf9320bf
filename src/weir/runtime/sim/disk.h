// The Disk seam of one simulated node, and the accidents that may happen to it. Content: file_content.h; names: tree.h.
//
// A write is visible to readers when it begins or when it returns, as the seed decides. A sync covers the writes that had
// returned when it began. A failed sync leaves pages that read well and never reach the disk.
#pragma once

#include <map>
#include <string>

#include "weir/runtime/disk.h"
#include "weir/runtime/sim/executor.h"
#include "weir/runtime/sim/tree.h"

namespace weir::runtime {

class SimDisk final : public Disk {
 public:
  SimDisk(SimCore& core, SimExecutor& executor, std::string_view name);

  Task<Result<std::unique_ptr<File>>> open(std::string path, OpenMode mode) override;
  Task<Result<std::vector<DirEntry>>> list(std::string dir) override;
  Task<Result<void>> create_directories(std::string dir) override;
  Task<Result<void>> create_directory(std::string dir) override;
  Task<Result<void>> rename(std::string from, std::string to) override;
  Task<Result<void>> remove(std::string path) override;
  Task<Result<void>> remove_all(std::string dir) override;
  Task<Result<void>> sync_directory(std::string dir) override;
  Task<Result<std::unique_ptr<Volume>>> volume(std::string dir) override;
  Task<Result<DirEntry>> stat(std::string path) override;
  Task<Result<DiskSpace>> space(std::string path) override;
  Task<Result<std::unique_ptr<FileLock>>> lock(std::string path) override;

  // --- accidents -------------------------------------------------------------------------------------------------------
  // Chances of faults; may be changed at any time.
  SimDiskOptions& options() { return options_; }
  // From now on every operation fails with kDiskError.
  void break_down() { broken_ = true; }
  // Unsynced bytes and names are lost as `mode` says; returns the mode drawn when it was kBySeed. Locks are gone.
  LoseUnsynced lose_unsynced(LoseUnsynced mode);
  // A new, empty disk.
  void replace();
  // Flips a random bit of the file; false when it is empty or missing.
  bool flip_random_bit(std::string_view path);
  // --- inspection, taking no simulated time ------------------------------------------------------------------------------
  SimTree& tree() { return tree_; }
  uint64_t used_bytes() const { return used_; }

 private:
  friend class SimFile;
  friend class SimFileLock;
  friend class SimVolume;
  enum class Kind : uint8_t { kRead, kWrite, kSync, kMetadata };

  Duration how_long(Kind kind, uint64_t bytes);
  Result<void> outcome(Kind kind, std::string_view path);
  int64_t now_ms() const;
  // Takes or gives back space so that the file may have `size` bytes. kNoSpace when that does not fit.
  Result<void> claim(SimInode& inode, uint64_t size, std::string_view path);
  void release(SimInode& inode);
  // The part of a write that happens to the file: all of it, or a prefix and an error.
  Result<void> apply_write(SimInode& inode, std::string_view path, uint64_t position, std::span<const ByteView> parts);
  void remove_spot(const SimTree::Spot& at);

  SimCore& core_;
  SimExecutor& executor_;
  SimDiskOptions options_;
  SimTree tree_;
  bool broken_ = false;
  uint64_t used_ = 0;
  std::map<std::string, int64_t> locks_;  // path to the holder's pid
  int64_t generation_ = 1;                // of this disk's locks: a crash makes the old ones void
  Prng times_;
  Prng slowness_;
  Prng faults_;
  Prng placing_;
  Prng caching_;
  Prng writeback_;
  Prng losses_;
  Prng rot_;
};

}  // namespace weir::runtime
