// An open file of RealDisk.
#pragma once

#include <memory>
#include <optional>

#include "weir/runtime/real/disk.h"

namespace weir::runtime {

class RealFile final : public File {
 public:
  // Takes `fd`.
  RealFile(RealLoop& loop, RealOffload& offload, std::shared_ptr<RealDisk::Accounts> accounts, std::string path, int fd);
  ~RealFile() override;

  Task<Result<size_t>> read_at(uint64_t position, MutableBytes into) override;
  Result<size_t> read_cached(uint64_t position, MutableBytes into) override;
  Task<Result<void>> write_at(uint64_t position, std::span<const ByteView> parts) override;
  Task<Result<void>> sync_data() override;
  Task<Result<void>> truncate(uint64_t size) override;
  Result<uint64_t> size() const override;
  const std::string& path() const override { return path_; }

  int fd() const { return descriptor_->fd; }

 private:
  class WriteBack;
  // The descriptor outlives the file while write-back uses it.
  struct Descriptor {
    explicit Descriptor(int fd) : fd(fd) {}
    ~Descriptor();
    const int fd;
    std::optional<uint64_t> device;  // st_dev, from its first sync on; 0 when the system would not say
    uint64_t dirty_bytes = 0;       // ours of the disk's account
    uint64_t dirty_from = UINT64_MAX;
    uint64_t dirty_to = 0;
  };
  static void note_lost(RealDisk::Accounts& accounts, const Descriptor& descriptor, int error);
  // The errno of a write that was lost, or 0.
  int lost_error() const;
  void note_written(uint64_t position, uint64_t count);

  RealLoop& loop_;
  RealOffload& offload_;
  std::shared_ptr<RealDisk::Accounts> accounts_;
  std::string path_;
  std::shared_ptr<Descriptor> descriptor_;
};

}  // namespace weir::runtime
