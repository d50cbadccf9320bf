#include "weir/cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/amounts.h"
#include "weir/cli/text_width.h"

namespace weir::cli {

namespace {

constexpr size_t kBarColumnsMax = 40;
constexpr size_t kBarColumnsMin = 8;
constexpr size_t kWidthUnknown = 80;

size_t error_terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kWidthUnknown;
  return size.ws_col;
}

}  // namespace

std::string progress_text(const ProgressState& state, size_t width) {
  const auto amount = [&](uint64_t value) { return state.counts_bytes ? bytes_text(static_cast<double>(value)) : count_text(value); };
  const double seconds = static_cast<double>(state.elapsed.count()) * 1e-9;
  const double rate = seconds > 0.2 ? static_cast<double>(state.done) / seconds : 0;
  std::string tail;
  if (state.total) tail = fmt::format("{} of {}", amount(state.done), amount(*state.total));
  else tail = amount(state.done);
  if (rate > 0) tail += fmt::format("  {}/s", state.counts_bytes ? bytes_text(rate) : count_text(static_cast<uint64_t>(rate)));
  if (!state.total || *state.total == 0) return cut_columns(fmt::format("{}  {}", state.what, tail), width);
  const double part = std::min(1.0, static_cast<double>(state.done) / static_cast<double>(*state.total));
  if (rate > 0 && part < 1) {
    const double left = static_cast<double>(*state.total - state.done) / rate;
    tail += fmt::format("  {} left", duration_text(Duration(static_cast<int64_t>(std::min(left, 1e8)) * 1'000'000'000)));
  }
  const std::string head = fmt::format("{}  ", state.what);
  const std::string percent = fmt::format("  {:3.0f} %  ", part * 100);
  const size_t others = columns_of(head) + percent.size() + columns_of(tail) + 2;
  if (others + kBarColumnsMin > width) return cut_columns(head + percent + tail, width);
  const size_t bar = std::min(kBarColumnsMax, width - others);
  const auto full = static_cast<size_t>(part * static_cast<double>(bar));
  return fmt::format("{}[{}{}]{}{}", head, std::string(full, '#'), std::string(bar - full, '-'), percent, tail);
}

Progress::Progress() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

bool Progress::is_due(MonoTime now) {
  if (!is_terminal_ || (shown_ && now - *shown_ < kInterval)) return false;
  shown_ = now;
  return true;
}

void Progress::put(const std::string& line) {
  is_on_screen_ = true;
  std::fputs(fmt::format("\r{}\x1b[K", line).c_str(), stderr);
  std::fflush(stderr);
}

void Progress::show(const ProgressState& state, MonoTime now) {
  if (is_due(now)) put(progress_text(state, error_terminal_width() - 1));
}

void Progress::show_text(std::string_view text, MonoTime now) {
  if (is_due(now)) put(cut_columns(std::string(text), error_terminal_width() - 1));
}

void Progress::finish() {
  if (!is_on_screen_) return;
  is_on_screen_ = false;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
}

}  // namespace weir::cli
