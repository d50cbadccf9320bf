#include "weir/runtime/real/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "weir/runtime/real/directory.h"
#include "weir/runtime/real/file.h"
#include "weir/runtime/real/holder.h"

namespace weir::runtime {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead: return O_RDONLY;
    case OpenMode::kReadWrite: return O_RDWR;
    case OpenMode::kCreate: return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew: return O_RDWR | O_CREAT | O_EXCL;
  }
  WEIR_UNREACHABLE(static_cast<int>(mode));
}

// Opened before what it is to cover is written: the kernel reports a failed write-back of any file to those who had the file
// system open when it happened.
class RealVolume final : public Volume {
 public:
  RealVolume(RealLoop& loop, RealOffload& offload, std::string dir, int fd) : loop_(loop), offload_(offload), dir_(std::move(dir)), fd_(fd) {}
  ~RealVolume() override { ::close(fd_); }
  Task<Result<void>> sync() override {
    if (failed_ != 0) co_return disk_failure("sync the file system of", dir_, failed_);
    const auto sync = [fd = fd_] { return sync_error([fd] { return ::syncfs(fd); }); };
    const int error = co_await offload_.run(loop_, sync);
    if (error == ENOSPC || error == EDQUOT) co_return disk_failure("sync the file system of", dir_, error);  // passes
    if (error != 0) failed_ = error;
    if (failed_ != 0) co_return disk_failure("sync the file system of", dir_, failed_);
    co_return Result<void>();
  }

 private:
  RealLoop& loop_;
  RealOffload& offload_;
  std::string dir_;
  int fd_;
  int failed_ = 0;
};

class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(int fd) : fd_(fd) {}
  ~RealFileLock() override { ::close(fd_); }

 private:
  int fd_;
};

// The lock is the open file's, not the process's (F_OFD_SETLK), so a second attempt within this process fails as well. The
// kernel names the holder only when it used the older kind, as Java does; else it is looked for by its open files.
Holder holder_of_lock(int fd) {
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  if (::fcntl(fd, F_OFD_GETLK, &wanted) == 0 && wanted.l_type != F_UNLCK && wanted.l_pid > 0) return holder_with_pid(wanted.l_pid);
  struct stat about;
  if (::fstat(fd, &about) != 0) return {};
  return holder_of_file(about.st_dev, about.st_ino).value_or(Holder{});
}

}  // namespace

DirEntry entry_of(std::string name, const struct stat& about) {
  const bool is_directory = S_ISDIR(about.st_mode);
  return {std::move(name), is_directory, is_directory ? 0 : static_cast<uint64_t>(about.st_size),
          about.st_mtim.tv_sec * 1000 + about.st_mtim.tv_nsec / 1'000'000};
}

std::unexpected<Error> disk_failure(const char* doing, const std::string& path, int error) {
  ErrorCode code = ErrorCode::kDiskError;
  switch (error) {
    case ENOENT:
    case ENOTDIR: code = ErrorCode::kNotFound; break;
    case EEXIST:
    case ENOTEMPTY: code = ErrorCode::kAlreadyExists; break;
    case EACCES:
    case EPERM:
    case EROFS: code = ErrorCode::kPermissionDenied; break;
    case ENOSPC:
    case EDQUOT: code = ErrorCode::kNoSpace; break;
    case EMFILE:
    case ENFILE:
    case ENOMEM: code = ErrorCode::kUnavailable; break;
    case EISDIR:
    case EINVAL:
    case ENAMETOOLONG: code = ErrorCode::kInvalidArgument; break;
    default: break;
  }
  return fail(code, fmt::format("cannot {} {}: {}", doing, path, std::generic_category().message(error)));
}

RealDisk::RealDisk(RealLoop& loop, RealOffload& offload)
    : loop_(loop), offload_(offload), accounts_(std::make_shared<Accounts>()) {}

RealDisk::~RealDisk() = default;

Task<Result<std::unique_ptr<File>>> RealDisk::open(std::string path, OpenMode mode) {
  const int fd = ::open(path.c_str(), open_flags(mode) | O_CLOEXEC, kFileMode);
  if (fd < 0) co_return disk_failure("open", path, errno);
  co_return std::make_unique<RealFile>(loop_, offload_, accounts_, std::move(path), fd);
}

Task<Result<std::vector<DirEntry>>> RealDisk::list(std::string dir) {
  co_return read_directory(dir);
}

Task<Result<void>> RealDisk::create_directories(std::string dir) {
  for (size_t end = dir.find('/', 1);; end = dir.find('/', end + 1)) {
    const std::string path = dir.substr(0, end);
    if (!path.empty() && ::mkdir(path.c_str(), kDirectoryMode) == 0) {
      WEIR_CO_CHECK(co_await sync_directory(parent_directory(path)));
    } else if (!path.empty() && errno != EEXIST) {
      co_return disk_failure("create the directory", path, errno);
    }
    if (end == std::string::npos || end + 1 == dir.size()) break;
  }
  struct stat about;
  if (::stat(dir.c_str(), &about) != 0) co_return disk_failure("create the directory", dir, errno);
  if (!S_ISDIR(about.st_mode)) co_return disk_failure("create the directory", dir, EEXIST);
  co_return Result<void>();
}

Task<Result<void>> RealDisk::create_directory(std::string dir) {
  if (::mkdir(dir.c_str(), kDirectoryMode) != 0) co_return disk_failure("create the directory", dir, errno);
  co_return Result<void>();
}

Task<Result<std::unique_ptr<Volume>>> RealDisk::volume(std::string dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) co_return disk_failure("open", dir, errno);
  co_return std::make_unique<RealVolume>(loop_, offload_, std::move(dir), fd);
}

Task<Result<void>> RealDisk::rename(std::string from, std::string to) {
  if (::rename(from.c_str(), to.c_str()) != 0) co_return disk_failure("rename", from + " to " + to, errno);
  co_return Result<void>();
}

// The blocks of a large file are freed inside the call: milliseconds.
Task<Result<void>> RealDisk::remove(std::string path) {
  const auto remove = [&path] { return ::unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : errno; };
  const int error = co_await offload_.run(loop_, remove);
  if (error != 0) co_return disk_failure("remove", path, error);
  co_return Result<void>();
}

Task<Result<void>> RealDisk::remove_all(std::string dir) {
  const auto remove = [&dir] { return remove_tree(dir); };
  const int error = co_await offload_.run(loop_, remove);
  if (error != 0) co_return disk_failure("remove", dir, error);
  co_return Result<void>();
}

Task<Result<void>> RealDisk::sync_directory(std::string dir) {
  const auto sync = [&dir] { return sync_directory_now(dir); };
  const int error = co_await offload_.run(loop_, sync);
  if (error != 0) co_return disk_failure("sync the directory", dir, error);
  co_return Result<void>();
}

Task<Result<DirEntry>> RealDisk::stat(std::string path) {
  struct stat about;
  if (::stat(path.c_str(), &about) != 0) co_return disk_failure("look at", path, errno);
  const size_t slash = path.rfind('/');
  co_return entry_of(slash == std::string::npos ? path : path.substr(slash + 1), about);
}

Task<Result<DiskSpace>> RealDisk::space(std::string path) {
  struct statvfs about;
  if (::statvfs(path.c_str(), &about) != 0) co_return disk_failure("look at the space of", path, errno);
  co_return DiskSpace{about.f_blocks * about.f_frsize, about.f_bavail * about.f_frsize};
}

Task<Result<std::unique_ptr<FileLock>>> RealDisk::lock(std::string path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (fd < 0) co_return disk_failure("open", path, errno);
  auto lock = std::make_unique<RealFileLock>(fd);
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &wanted) == 0) co_return lock;
  if (errno != EAGAIN && errno != EACCES) co_return disk_failure("lock", path, errno);
  co_return fail(ErrorCode::kLocked, fmt::format("{} is locked by {}", path, holder_of_lock(fd).text()));
}

}  // namespace weir::runtime
