#include "weir/cli/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "weir/cli/text_width.h"

namespace weir::cli {

Table::Table(std::vector<std::string> headings) {
  for (std::string& heading : headings) {
    right_.push_back(heading.starts_with('>'));
    if (right_.back()) heading.erase(0, 1);
  }
  rows_.push_back(std::move(headings));
}

// The widest columns of text give way until the line fits; numbers stay whole.
void Table::shrink(std::vector<size_t>& widths, size_t width) const {
  const auto total = [&] { return std::accumulate(widths.begin(), widths.end(), size_t{0}) + 2 * (widths.size() - 1); };
  while (total() > width) {
    size_t widest = widths.size();
    for (size_t i = 0; i < widths.size(); ++i) {
      if (!right_[i] && widths[i] > kColumnsMin && (widest == widths.size() || widths[i] > widths[widest])) widest = i;
    }
    if (widest == widths.size()) return;  // the line's end is cut instead
    --widths[widest];
  }
}

std::string Table::text(size_t width) const {
  std::vector<size_t> widths(right_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(printable(row[i])));
  }
  if (width > 0) shrink(widths, width);
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      const std::string cell = cut_columns(printable(row[i]), widths[i]);
      const std::string padding(widths[i] - columns_of(cell), ' ');
      line += right_[i] ? padding + cell : cell + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (width == 0 ? line : cut_columns(std::move(line), width)) + "\n";
  }
  return out;
}

void Table::print() const { std::fputs(text(terminal_width()).c_str(), stdout); }

size_t terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return std::max<size_t>(size.ws_col, 20);
}

}  // namespace weir::cli
