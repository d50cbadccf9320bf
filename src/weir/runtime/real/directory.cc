#include "weir/runtime/real/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "weir/runtime/real/disk.h"

namespace weir::runtime {
namespace {

// Calls visit(name) for each entry until it gives an errno other than 0, and closes the stream. Gives that errno, or the
// directory's own: readdir answers its end and its failure with the same null.
template <typename Visit>
int each_entry(DIR* stream, Visit visit) {
  int error = 0;
  while (error == 0) {
    errno = 0;
    const dirent* entry = ::readdir(stream);
    if (entry == nullptr) {
      error = errno;
      break;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") error = visit(entry->d_name);
  }
  ::closedir(stream);
  return error;
}

int remove_below(int fd);

// The entry `name` of the directory `fd` and what is below it.
int remove_entry(int fd, const char* name) {
  if (::unlinkat(fd, name, 0) == 0 || errno == ENOENT) return 0;
  const int refused = errno;
  if (refused != EISDIR && refused != EPERM) return refused;
  const int below = ::openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (below < 0) return errno == ENOTDIR ? refused : errno;  // a file that may not be removed
  const int error = remove_below(below);
  if (error != 0) return error;
  return ::unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : errno;
}

// What is below `fd`, which is closed.
int remove_below(int fd) {
  DIR* stream = ::fdopendir(fd);
  if (stream == nullptr) {
    const int error = errno;
    ::close(fd);
    return error;
  }
  return each_entry(stream, [stream](const char* name) { return remove_entry(::dirfd(stream), name); });
}

}  // namespace

Result<std::vector<DirEntry>> read_directory(const std::string& dir) {
  DIR* stream = ::opendir(dir.c_str());
  if (stream == nullptr) return disk_failure("list", dir, errno);
  std::vector<DirEntry> entries;
  std::string failed = dir;
  const int error = each_entry(stream, [&](const char* name) {
    struct stat about;
    if (::fstatat(::dirfd(stream), name, &about, 0) == 0) {
      entries.push_back(entry_of(name, about));
      return 0;
    }
    if (errno == ENOENT || errno == ELOOP) return 0;
    failed = dir + "/" + name;
    return errno;
  });
  if (error != 0) return disk_failure("list", failed, error);
  std::ranges::sort(entries, {}, &DirEntry::name);
  return entries;
}

int remove_tree(const std::string& dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 0 : errno;
  const int error = remove_below(fd);
  if (error != 0) return error;
  return ::rmdir(dir.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

int sync_directory_now(const std::string& dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = sync_error([fd] { return ::fsync(fd); });
  ::close(fd);
  return error;
}

}  // namespace weir::runtime
