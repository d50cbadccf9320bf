// One line on a terminal that tells how far something long has come. Silent when standard error is no terminal.
//
// Owner    the command; finish() (or the destructor) takes the line away before anything else is printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/time.h"

namespace weir::cli {

// A bar of `done` out of `total` that is `width` columns wide, with what it counts: "[####----]  50 %  1.2 of 2.4 GiB  3 s left".
// Without a total: what is done alone. Pure.
struct ProgressState {
  std::string_view what;         // stands first
  uint64_t done = 0;
  std::optional<uint64_t> total;
  bool counts_bytes = false;
  Duration elapsed{0};
};
std::string progress_text(const ProgressState& state, size_t width);

class Progress {
 public:
  static constexpr Duration kInterval = 100ms;

  Progress();  // asks whether standard error is a terminal
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  bool is_shown() const { return is_terminal_; }
  // Shows the bar, not more often than kInterval.
  void show(const ProgressState& state, MonoTime now);
  // Any text instead of a bar; cut to the terminal's width.
  void show_text(std::string_view text, MonoTime now);
  void finish();

 private:
  bool is_due(MonoTime now);
  void put(const std::string& line);

  bool is_terminal_ = false;
  bool is_on_screen_ = false;
  std::optional<MonoTime> shown_;
};

}  // namespace weir::cli
