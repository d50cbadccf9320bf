#include "weir/cli/input_lines.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace weir::cli {

namespace {

constexpr int kPollMs = 100;  // how often a reader that waits for a person looks whether it should stop
constexpr ssize_t kNothingYet = -2;

std::unexpected<Error> cannot_read(const std::string& name, int error) {
  const ErrorCode code = error == ENOENT ? ErrorCode::kNotFound : error == EACCES ? ErrorCode::kPermissionDenied : ErrorCode::kDiskError;
  // A newline at the end keeps the hint about data directories away.
  return fail(code, fmt::format("cannot read {}: {}\ngive a file that can be read, or - for standard input", name, std::generic_category().message(error)));
}

}  // namespace

InputLines::InputLines(runtime::Environment& env, std::vector<std::string> paths, bool whole) : env_(env), paths_(std::move(paths)), whole_(whole) {
  if (paths_.empty()) paths_.push_back("-");
  uint64_t total = 0;
  for (const std::string& path : paths_) {
    struct stat about{};
    const int got = path == "-" ? ::fstat(STDIN_FILENO, &about) : ::stat(path.c_str(), &about);
    if (got != 0 || !S_ISREG(about.st_mode)) return;
    total += static_cast<uint64_t>(about.st_size);
  }
  bytes_total_ = total;
}

InputLines::~InputLines() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

bool InputLines::is_terminal() const { return paths_.front() == "-" && ::isatty(STDIN_FILENO) == 1; }

std::string InputLines::place() const { return whole_ ? name_ : fmt::format("line {} of {}", line_, name_); }

// False when there is no further input.
Result<bool> InputLines::open_next() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
  fd_ = -1;
  if (next_path_ == paths_.size()) return false;
  const std::string& path = paths_[next_path_++];
  name_ = path == "-" ? "standard input" : path;
  fd_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) return cannot_read(name_, errno);
  line_ = 0;
  at_end_ = false;
  return true;
}

runtime::Task<Result<size_t>> InputLines::read_more(runtime::StopToken stop) {
  pending_.erase(0, at_);
  searched_ -= std::min(searched_, at_);
  at_ = 0;
  const size_t before = pending_.size();
  pending_.resize(before + kReadBytes);
  char* into = pending_.data() + before;
  const int fd = fd_;
  int error = 0;
  int* error_at = &error;
  ssize_t count = kNothingYet;
  while (count == kNothingYet) {
    if (stop.stop_requested()) co_return fail(ErrorCode::kCancelled);
    count = co_await env_.offload.run(env_.executor, [fd, into, error_at]() -> ssize_t {
      pollfd watched{fd, POLLIN, 0};
      if (::poll(&watched, 1, kPollMs) == 0) return kNothingYet;
      const ssize_t got = ::read(fd, into, kReadBytes);
      *error_at = errno;
      return got < 0 && (errno == EINTR || errno == EAGAIN) ? kNothingYet : got;
    });
  }
  if (count < 0) co_return cannot_read(name_, error);
  pending_.resize(before + static_cast<size_t>(count));
  bytes_read_ += static_cast<uint64_t>(count);
  at_end_ = count == 0;
  co_return static_cast<size_t>(count);
}

runtime::Task<Result<std::optional<std::string_view>>> InputLines::next(runtime::StopToken stop) {
  for (;;) {
    if (fd_ >= 0) {
      const size_t end = whole_ ? std::string::npos : pending_.find('\n', std::max(at_, searched_));
      const bool is_last = at_end_ && (at_ < pending_.size() || (whole_ && line_ == 0));
      if (end != std::string::npos || is_last) {
        const size_t begin = at_;
        const size_t stop_at = end != std::string::npos ? end : pending_.size();
        at_ = std::min(stop_at + 1, pending_.size());
        ++line_;
        co_return std::optional<std::string_view>(std::string_view(pending_).substr(begin, stop_at - begin));
      }
      searched_ = pending_.size();
      if (pending_.size() - at_ > kLineBytesMax) co_return fail(ErrorCode::kInvalidArgument, fmt::format("line {} of {} has more than 64 MiB", line_ + 1, name_));
    }
    if (fd_ < 0 || at_end_) {
      pending_.clear();
      at_ = searched_ = 0;
      WEIR_CO_TRY(const bool opened, open_next());
      if (!opened) co_return std::optional<std::string_view>();
      continue;
    }
    WEIR_CO_CHECK(co_await read_more(stop));
  }
}

}  // namespace weir::cli
