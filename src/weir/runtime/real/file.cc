#include "weir/runtime/real/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weir::runtime {
namespace {

struct Done {
  size_t count = 0;
  int error = 0;  // errno, 0 when all went well
};

// Reads until `into` is full, the file ends, or (with RWF_NOWAIT) the page cache has no more: then error is EAGAIN.
Done read_all(int fd, uint64_t position, MutableBytes into, int flags) {
  Done done;
  while (done.count < into.size()) {
    const iovec piece{into.data() + done.count, into.size() - done.count};
    const ssize_t count = ::preadv2(fd, &piece, 1, static_cast<off_t>(position + done.count), flags);
    if (count == 0) return done;
    if (count > 0) {
      done.count += static_cast<size_t>(count);
    } else if (errno != EINTR) {
      done.error = errno == EOPNOTSUPP ? EAGAIN : errno;  // a file system without RWF_NOWAIT: ask a thread
      return done;
    }
  }
  return done;
}

int write_all_parts(int fd, uint64_t position, std::span<const ByteView> parts) {
  iovec pieces[IOV_MAX];
  size_t part = 0;
  size_t offset = 0;
  while (part < parts.size()) {
    size_t count = 0;
    for (size_t i = part, from = offset; i < parts.size() && count < IOV_MAX; ++i, from = 0) {
      if (parts[i].size() > from) pieces[count++] = {const_cast<std::byte*>(parts[i].data()) + from, parts[i].size() - from};
    }
    if (count == 0) return 0;
    const ssize_t written = ::pwritev(fd, pieces, static_cast<int>(count), static_cast<off_t>(position));
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    if (written == 0) return EIO;
    position += static_cast<uint64_t>(written);
    auto rest = static_cast<size_t>(written);
    while (part < parts.size() && rest >= parts[part].size() - offset) {
      rest -= parts[part].size() - offset;
      ++part;
      offset = 0;
    }
    offset += rest;
  }
  return 0;
}

RealDisk::FileIdentity identity_of(int fd) {
  struct statx about;
  // Without an answer all files are one, and none of them is believed.
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &about) != 0) return {};
  const bool has_birth = (about.stx_mask & STATX_BTIME) != 0;
  return {.device = static_cast<uint64_t>(about.stx_dev_major) << 32 | about.stx_dev_minor,
          .inode = about.stx_ino,
          .born_ns = has_birth ? about.stx_btime.tv_sec * 1'000'000'000 + about.stx_btime.tv_nsec : 0};
}

uint64_t device_of(int fd) {
  struct stat about;
  return ::fstat(fd, &about) == 0 ? static_cast<uint64_t>(about.st_dev) : 0;
}

}  // namespace

// Starts and awaits the write-back of a range, so that the account of dirty bytes falls without a sync. Promises nothing
// about durability: the device's cache is not flushed. The wait reports and clears write errors of the descriptor, so they
// are kept for the next sync.
class RealFile::WriteBack final : public DetachedJob {
 public:
  WriteBack(std::shared_ptr<RealDisk::Accounts> accounts, std::shared_ptr<Descriptor> descriptor)
      : accounts_(std::move(accounts)),
        descriptor_(std::move(descriptor)),
        from_(descriptor_->dirty_from),
        to_(descriptor_->dirty_to),
        bytes_(descriptor_->dirty_bytes) {
    accounts_->writing_back = true;
    descriptor_->dirty_from = UINT64_MAX;
    descriptor_->dirty_to = 0;
  }
  void run() noexcept override {
    constexpr unsigned kWriteAndWait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    error_ = sync_error([this] {
      return ::sync_file_range(descriptor_->fd, static_cast<off_t>(from_), static_cast<off_t>(to_ - from_), kWriteAndWait);
    });
  }

 private:
  void finish() noexcept override {
    accounts_->writing_back = false;
    const uint64_t settled = std::min(bytes_, descriptor_->dirty_bytes);  // a sync may have been faster
    descriptor_->dirty_bytes -= settled;
    accounts_->dirty_bytes -= settled;
    // These say that the system does not do it, not that a write was lost.
    const bool was_refused = error_ == EINVAL || error_ == ESPIPE || error_ == ENOSYS || error_ == EPERM;
    if (error_ != 0 && !was_refused) note_lost(*accounts_, *descriptor_, error_);
  }

  std::shared_ptr<RealDisk::Accounts> accounts_;
  std::shared_ptr<Descriptor> descriptor_;
  uint64_t from_;
  uint64_t to_;
  uint64_t bytes_;
  int error_ = 0;
};

void RealFile::note_lost(RealDisk::Accounts& accounts, const Descriptor& descriptor, int error) {
  accounts.lost.emplace(identity_of(descriptor.fd), error);
}

int RealFile::lost_error() const {
  if (accounts_->lost.empty()) return 0;
  const auto found = accounts_->lost.find(identity_of(descriptor_->fd));
  return found == accounts_->lost.end() ? 0 : found->second;
}

RealFile::Descriptor::~Descriptor() { ::close(fd); }

RealFile::RealFile(RealLoop& loop, RealOffload& offload, std::shared_ptr<RealDisk::Accounts> accounts, std::string path, int fd)
    : loop_(loop),
      offload_(offload),
      accounts_(std::move(accounts)),
      path_(std::move(path)),
      descriptor_(std::make_shared<Descriptor>(fd)) {}

RealFile::~RealFile() {
  accounts_->dirty_bytes -= descriptor_->dirty_bytes;
  descriptor_->dirty_bytes = 0;
}

Task<Result<size_t>> RealFile::read_at(uint64_t position, MutableBytes into) {
  Done done = read_all(descriptor_->fd, position, into, RWF_NOWAIT);
  if (done.error == EAGAIN) {
    const size_t had = done.count;
    const auto read_rest = [fd = descriptor_->fd, position, into, had] {
      return read_all(fd, position + had, into.subspan(had), 0);
    };
    done = co_await offload_.run(loop_, read_rest);
    done.count += had;
  }
  if (done.error != 0) co_return disk_failure("read", path_, done.error);
  co_return done.count;
}

Result<size_t> RealFile::read_cached(uint64_t position, MutableBytes into) {
  const Done done = read_all(descriptor_->fd, position, into, RWF_NOWAIT);
  if (done.error == 0 || (done.error == EAGAIN && done.count > 0)) return done.count;
  if (done.error == EAGAIN) return fail(ErrorCode::kUnavailable);
  return disk_failure("read", path_, done.error);
}

Task<Result<void>> RealFile::write_at(uint64_t position, std::span<const ByteView> parts) {
  uint64_t count = 0;
  for (const ByteView part : parts) count += part.size();
  note_event("write: descriptor, position", descriptor_->fd, static_cast<int64_t>(position));
  note_written(position, count);
  int error;
  if (accounts_->dirty_bytes <= kDirtyBytesMax) {
    error = write_all_parts(descriptor_->fd, position, parts);
  } else {
    const auto write = [fd = descriptor_->fd, position, parts] { return write_all_parts(fd, position, parts); };
    error = co_await offload_.run(loop_, write);
  }
  if (error != 0) {
    // Tried again it would be counted again.
    const uint64_t given_back = std::min(count, descriptor_->dirty_bytes);
    descriptor_->dirty_bytes -= given_back;
    accounts_->dirty_bytes -= given_back;
    co_return disk_failure("write to", path_, error);
  }
  co_return Result<void>();
}

void RealFile::note_written(uint64_t position, uint64_t count) {
  Descriptor& descriptor = *descriptor_;
  descriptor.dirty_bytes += count;
  accounts_->dirty_bytes += count;
  descriptor.dirty_from = std::min(descriptor.dirty_from, position);
  descriptor.dirty_to = std::max(descriptor.dirty_to, position + count);
  if (accounts_->writing_back || count == 0) return;
  const bool much_here = descriptor.dirty_bytes >= kWriteBackBytes;
  const bool much_everywhere = accounts_->dirty_bytes > kDirtyBytesMax;
  if (much_here || much_everywhere) offload_.submit(loop_, std::make_unique<WriteBack>(accounts_, descriptor_));
}

Task<Result<void>> RealFile::sync_data() {
  Descriptor& descriptor = *descriptor_;
  if (const int lost = lost_error(); lost != 0) co_return disk_failure("sync", path_, lost);
  note_event("sync: descriptor, dirty bytes", descriptor.fd, static_cast<int64_t>(descriptor.dirty_bytes));
  const uint64_t covered = descriptor.dirty_bytes;
  if (!descriptor.device) descriptor.device = device_of(descriptor.fd);
  SyncLine::Place place(accounts_->syncs, {descriptor_, &descriptor.fd}, *descriptor.device);
  const auto sync = [&place, fd = descriptor.fd] {
    place.begin();
    return sync_error([fd] { return ::fdatasync(fd); });
  };
  const int error = co_await offload_.run(loop_, sync);
  const uint64_t settled = std::min(covered, descriptor.dirty_bytes);
  descriptor.dirty_bytes -= settled;
  accounts_->dirty_bytes -= settled;
  if (descriptor.dirty_bytes == 0) {
    descriptor.dirty_from = UINT64_MAX;
    descriptor.dirty_to = 0;
  }
  if (error != 0) note_lost(*accounts_, descriptor, error);
  // A write-back that ended meanwhile may have lost something too.
  if (const int lost = lost_error(); lost != 0) co_return disk_failure("sync", path_, lost);
  co_return Result<void>();
}

Task<Result<void>> RealFile::truncate(uint64_t size) {
  note_event("truncate: descriptor, size", descriptor_->fd, static_cast<int64_t>(size));
  int result;
  do {
    result = ::ftruncate(descriptor_->fd, static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  if (result != 0) co_return disk_failure("truncate", path_, errno);
  co_return Result<void>();
}

Result<uint64_t> RealFile::size() const {
  struct stat about;
  if (::fstat(descriptor_->fd, &about) != 0) return disk_failure("look at", path_, errno);
  return static_cast<uint64_t>(about.st_size);
}

}  // namespace weir::runtime
