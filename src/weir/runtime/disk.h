// Files of a node. Real: pwritev, preadv2, fdatasync, inline when they cannot block for long, else on an offload thread.
// Simulated: a disk that loses, tears and reorders what was not synced.
//
// Paths are absolute or relative to the process; '/' separates. Every buffer given must live until the await is over.
// Errors of all operations: kNotFound, kAlreadyExists, kPermissionDenied, kNoSpace, kDiskError, kUnavailable (out of
// descriptors or memory: nothing is wrong with the disk), kInvalidArgument (a directory where a file is wanted and the like),
// each with path and reason.
// kUnavailable from sync_data or sync_directory says that nothing was tried.
// After any other failed sync_data the file's unsynced bytes are unknown for ever: take the directory offline, never retry.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/file_range.h"
#include "weir/runtime/task.h"

namespace weir::runtime {

enum class OpenMode : uint8_t {
  kRead,        // must exist
  kReadWrite,   // must exist
  kCreate,      // read and write; created empty when missing
  kCreateNew,   // read and write; kAlreadyExists when present
};

class File : public RangeSource {
 public:
  ~File() override = default;  // closes, does not sync

  // Reads up to into.size() bytes at `position`; fewer only at the end of the file.
  virtual Task<Result<size_t>> read_at(uint64_t position, MutableBytes into) = 0;
  // The same, but only from memory: what is there now, or kUnavailable when that is nothing.
  virtual Result<size_t> read_cached(uint64_t position, MutableBytes into) = 0;
  // Writes all of `parts` one after another from `position`, extending the file. Errors leave an unknown prefix written.
  virtual Task<Result<void>> write_at(uint64_t position, std::span<const ByteView> parts) = 0;
  // Everything written (and the size) survives a power cut once this returns.
  virtual Task<Result<void>> sync_data() = 0;
  virtual Task<Result<void>> truncate(uint64_t size) = 0;
  virtual Result<uint64_t> size() const = 0;
  virtual const std::string& path() const = 0;
};

struct DirEntry {
  std::string name;
  bool is_directory = false;
  uint64_t size = 0;             // of a file
  int64_t modified_ms = 0;
  friend auto operator<=>(const DirEntry&, const DirEntry&) = default;
};

struct DiskSpace {
  uint64_t total_bytes = 0;
  uint64_t usable_bytes = 0;     // free to this process
};

// Held while the process runs; released when destroyed.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// The file system that holds a directory; costs a descriptor while it is there.
class Volume {
 public:
  virtual ~Volume() = default;
  // Everything written, created, renamed and removed on it before this call, by whomever, survives a power cut once this
  // returns: one call for many files, worth it when they are many, since it waits for others' bytes too. An error may be one
  // that happened at any time since the volume was opened.
  virtual Task<Result<void>> sync() = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;

  virtual Task<Result<std::unique_ptr<File>>> open(std::string path, OpenMode mode) = 0;
  // Sorted by name. kNotFound when `dir` is not there.
  virtual Task<Result<std::vector<DirEntry>>> list(std::string dir) = 0;
  // Makes `dir` and its parents; success when it is there already. Syncs each parent it changed.
  virtual Task<Result<void>> create_directories(std::string dir) = 0;
  // Makes one directory, whose parent is there. kAlreadyExists when it is. Durable only after sync_directory of the parent.
  virtual Task<Result<void>> create_directory(std::string dir) = 0;
  // Replaces `to` when it exists. Durable only after sync_directory of the parent.
  virtual Task<Result<void>> rename(std::string from, std::string to) = 0;
  // A file; success when it is gone already.
  virtual Task<Result<void>> remove(std::string path) = 0;
  // A directory and all below it; success when it is gone already.
  virtual Task<Result<void>> remove_all(std::string dir) = 0;
  // Creations, renames and removals in `dir` survive a power cut once this returns.
  virtual Task<Result<void>> sync_directory(std::string dir) = 0;
  virtual Task<Result<std::unique_ptr<Volume>>> volume(std::string dir) = 0;
  virtual Task<Result<DirEntry>> stat(std::string path) = 0;
  virtual Task<Result<DiskSpace>> space(std::string path) = 0;
  // Exclusive advisory lock on `path` (created empty when missing, never written: Kafka keeps its .lock empty). kLocked, with
  // the pid and name of the holder where the system tells.
  virtual Task<Result<std::unique_ptr<FileLock>>> lock(std::string path) = 0;
};

// The directory that holds `path`: "/a" of "/a/b", "/" of "/a", "." of "a".
std::string parent_directory(std::string_view path);

// The whole file. kOutputTooLarge when it has more than `bytes_max` bytes.
Task<Result<Bytes>> read_file(Disk& disk, std::string path, uint64_t bytes_max);

// Replaces `path` so that after any crash either the old or the new content is there: writes `path`.tmp, syncs it, renames
// it, syncs the directory.
Task<Result<void>> write_file_atomically(Disk& disk, std::string path, Bytes content);

}  // namespace weir::runtime
