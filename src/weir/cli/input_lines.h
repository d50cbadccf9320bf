// Lines of standard input or of files, read beside the loop so that a person may take their time.
//
// Owner    the command.
// Shard    one; the reading itself is on an offload thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/runtime/environment.h"
#include "weir/runtime/stop.h"

namespace weir::cli {

class InputLines {
 public:
  static constexpr size_t kReadBytes = 256 << 10;
  static constexpr size_t kLineBytesMax = 64 << 20;

  // No paths: standard input. `whole`: all of a file is one line.
  InputLines(runtime::Environment& env, std::vector<std::string> paths, bool whole);
  ~InputLines();

  // The next line without its newline, valid until the next call; none at the end. Errors: kNotFound and the like with the
  // path, kInvalidArgument (a line of more than kLineBytesMax), kCancelled.
  runtime::Task<Result<std::optional<std::string_view>>> next(runtime::StopToken stop);

  // "line 7 of FILE".
  std::string place() const;
  uint64_t bytes_read() const { return bytes_read_; }
  // Of all inputs together, when they are plain files.
  std::optional<uint64_t> bytes_total() const { return bytes_total_; }
  bool is_terminal() const;

 private:
  Result<bool> open_next();
  runtime::Task<Result<size_t>> read_more(runtime::StopToken stop);

  runtime::Environment& env_;
  std::vector<std::string> paths_;
  bool whole_;
  size_t next_path_ = 0;
  int fd_ = -1;
  std::string name_;
  bool at_end_ = false;  // of the open input
  std::string pending_;
  size_t at_ = 0;        // of what is not handed out yet
  size_t searched_ = 0;
  uint64_t line_ = 0;
  uint64_t bytes_read_ = 0;
  std::optional<uint64_t> bytes_total_;
};

}  // namespace weir::cli
