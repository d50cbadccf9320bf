// Files of the system. Metadata operations but removals, reads of cached bytes and most writes are done at once on the shard; what waits
// for the device (fsync, uncached reads, writes while much is dirty) goes to the offload pool.
//
// Owner    RealShard.
// Shard    its loop's. Files keep the disk's accounts and must not outlive it; detached write-back may.
// Holds    - a file whose sync or write-back failed fails every later sync, also when it was closed and opened again meanwhile:
//            after such a failure the kernel calls the lost pages clean, and a second fsync would report success
#pragma once

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>

#include "weir/runtime/disk.h"
#include "weir/runtime/real/loop.h"
#include "weir/runtime/real/offload.h"
#include "weir/runtime/real/sync_line.h"

struct stat;

namespace weir::runtime {

// Bytes written and not yet on their way to the device, of one Disk, up to which a write is done on the shard itself. A write
// into the page cache is a copy until the kernel thinks that too much is dirty and makes the writer wait for the device (by
// default near 15 % of free memory, so with less than 2 GiB free before this bound). Above it every write pays two thread
// switches: it must not be reached by many files that each have less than kWriteBackBytes dirty.
inline constexpr uint64_t kDirtyBytesMax = 256ull << 20;
// A file that has this much dirty is told to start writing back, so that a later sync finds little to do.
inline constexpr uint64_t kWriteBackBytes = 16ull << 20;

class RealDisk final : public Disk {
 public:
  RealDisk(RealLoop& loop, RealOffload& offload);
  ~RealDisk() override;

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

  // Which file it is, whatever its name. The number of an inode comes again after a removal, the time of its birth does not.
  struct FileIdentity {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t born_ns = 0;  // 0 where the file system does not know
    friend auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
  };
  // Shared with the files and with write-back under way.
  struct Accounts {
    SyncLine syncs;
    uint64_t dirty_bytes = 0;
    bool writing_back = false;             // one file at a time: write-back must leave threads for syncs
    std::map<FileIdentity, int> lost;      // files of which a write was lost, with the errno; as a rule none
  };

 private:
  RealLoop& loop_;
  RealOffload& offload_;
  std::shared_ptr<Accounts> accounts_;
};

// The error for `error` (an errno) of `doing` ("write to") on `path`.
std::unexpected<Error> disk_failure(const char* doing, const std::string& path, int error);

// The errno of `sync`, a call of the fsync family, or 0. A sync that was tried and failed is never worth another try: what it
// gives is not one of those that mean that nothing was tried (kUnavailable).
template <typename Sync>
int sync_error(Sync sync) {
  int result;
  do {
    result = sync();
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno == ENOMEM ? EIO : errno;
}

DirEntry entry_of(std::string name, const struct stat& about);

}  // namespace weir::runtime
