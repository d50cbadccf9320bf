#include "weir/cli/words.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::cli {

namespace {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string>& words) {
  std::string nearest;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : words) {
    const size_t far = distance(word, candidate);
    if (far >= least) continue;
    least = far;
    nearest = candidate;
  }
  return nearest;
}

std::string nearest_hint(std::string_view word, const std::vector<std::string>& words) {
  const std::string nearest = nearest_word(word, words);
  return nearest.empty() ? std::string() : fmt::format("; nearest: \"{}\"", nearest);
}

Result<std::pair<std::string, std::string>> parse_pair(std::string_view text) {
  const size_t mark = text.find('=');
  if (mark == std::string_view::npos || mark == 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is not of the form key=value", text));
  }
  return std::pair(std::string(text.substr(0, mark)), std::string(text.substr(mark + 1)));
}

}  // namespace weir::cli
