// Rows under headings, as wide as their contents and never wider than the terminal: what does not fit is cut from the widest
// columns of text, with "...". Into a file or pipe nothing is cut. Control characters are shown, not obeyed.
#pragma once

#include <string>
#include <vector>

namespace weir::cli {

class Table {
 public:
  // A heading that begins with '>' is of a column of numbers, set to the right.
  explicit Table(std::vector<std::string> headings);
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text(size_t width) const;
  void print() const;

 private:
  static constexpr size_t kColumnsMin = 8;
  void shrink(std::vector<size_t>& widths, size_t width) const;

  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// Columns of the terminal that standard output is; 0 when it is none.
size_t terminal_width();

}  // namespace weir::cli
