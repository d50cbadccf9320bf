// weir log dump: shows files of a log directory, or all of them below a folder.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "weir/cli/commands.h"
#include "weir/cli/dump/files.h"
#include "weir/cli/report.h"

namespace weir::cli {
namespace {

constexpr int kDepthMax = 16;
constexpr size_t kBufferBytes = 64 * 1024;

// Standard output in large pieces.
struct BufferedOut {
  std::string buffer;

  bool flush() {
    for (std::string_view rest = buffer; !rest.empty();) {
      const ssize_t count = ::write(STDOUT_FILENO, rest.data(), rest.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      rest.remove_prefix(static_cast<size_t>(count));
    }
    buffer.clear();
    return true;
  }
  static bool write(void* to, std::string_view text) {
    auto& self = *static_cast<BufferedOut*>(to);
    self.buffer.append(text);
    return self.buffer.size() < kBufferBytes || self.flush();
  }
};

struct Found {
  std::vector<std::string> files;
  bool failed = false;
};

void fail_path(Found& found, const std::string& path, int error) {
  report(fmt::format("cannot read {}: {}", path, std::generic_category().message(error)));
  found.failed = true;
}

void find_below(const std::string& dir, int depth, Found& found) {
  DIR* stream = opendir(dir.c_str());
  if (stream == nullptr) return fail_path(found, dir, errno);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream)) names.emplace_back(entry->d_name);
  closedir(stream);
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    const std::string path = dir + "/" + name;
    struct stat about;
    if (stat(path.c_str(), &about) != 0) continue;  // gone meanwhile
    if (S_ISDIR(about.st_mode) && depth < kDepthMax)
      find_below(path, depth + 1, found);
    else if (S_ISREG(about.st_mode) && is_known_file(name))
      found.files.push_back(path);
  }
}

}  // namespace

int log_dump(const LogDumpArgs& args) {
  Found found;
  for (std::string path : args.paths) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    struct stat about;
    if (stat(path.c_str(), &about) != 0) {
      fail_path(found, path, errno);
    } else if (S_ISDIR(about.st_mode)) {
      const size_t before = found.files.size();
      find_below(path, 0, found);
      if (found.files.size() == before && !found.failed) {
        report(fmt::format("{} holds no file of a log directory", path));
        found.failed = true;
      }
    } else if (is_known_file(std::string_view(path).substr(path.rfind('/') + 1))) {
      found.files.push_back(path);
    } else {
      report(fmt::format("{} is not named like a file of a log directory\nweir log dump --help lists their names", path));
      found.failed = true;
    }
  }
  BufferedOut out;
  DumpOutput output(args.json, &BufferedOut::write, &out);
  for (const std::string& file : found.files) {
    if (output.is_closed()) break;
    if (!dump_file(file, {.records = args.records}, output)) found.failed = true;
  }
  if (!out.flush() && errno != EPIPE) found.failed = true;
  return found.failed || output.problems() > 0 ? kFailed : kDone;
}

}  // namespace weir::cli
