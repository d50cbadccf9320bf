// Open descriptors of one shard's logs: opened when asked for, the least recently used closed when there are too many.
//
// Owner    LogManager; outlives every Handle.
// Bounds   `open_max` descriptors; fewer once the process has run out of them; lend_max() more that were lent.
// Holds    - open_count_ counts handles that hold a file; a file in use somewhere lives on after its handle let go of it
//          - the list of open handles is ordered by last use
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

#include "weir/base/error.h"
#include "weir/base/intrusive_list.h"
#include "weir/runtime/disk.h"

namespace weir::storage {

class FileCache {
 public:
  // The place of one file; costs no descriptor until it is opened. Its owner knows the path.
  class Handle : public ListHook {
   public:
    ~Handle() { close(); }
    void close();

   private:
    friend class FileCache;
    FileCache* cache_ = nullptr;
    std::shared_ptr<runtime::File> file_;
    uint64_t used_in_ = 0;   // the cache's period of the last use
  };

  FileCache(runtime::Disk& disk, size_t open_max) : disk_(disk), open_max_(open_max) { WEIR_ASSERT(open_max > 0); }
  FileCache(const FileCache&) = delete;
  FileCache& operator=(const FileCache&) = delete;

  // The file when it is open, else nullptr.
  std::shared_ptr<runtime::File> try_get(Handle& handle);
  // The file, opened at `path` when it is not. `handle` must outlive the await.
  runtime::Task<Result<std::shared_ptr<runtime::File>>> get(Handle& handle, std::string path, runtime::OpenMode mode);

  // The same file for somebody who may keep it for long, such as an answer to a slow client: the cache does not wait for it.
  // nullptr when lend_max() files are lent already.
  std::shared_ptr<runtime::File> lend(std::shared_ptr<runtime::File> file);
  size_t lend_max() const { return lend_max(open_max_); }
  static size_t lend_max(size_t open_max) { return std::max(kLeast, open_max / 8); }

  // Begins another period, and closes what was not used in the two before.
  void close_idle();

  runtime::Disk& disk() { return disk_; }

 private:
  static constexpr size_t kLeast = 16;
  void make_room();

  runtime::Disk& disk_;
  size_t open_max_;
  size_t open_count_ = 0;
  uint64_t period_ = 0;
  std::shared_ptr<size_t> lent_ = std::make_shared<size_t>(0);   // outlives the cache with what is lent
  IntrusiveList<Handle> open_;   // least recently used first
};

}  // namespace weir::storage
