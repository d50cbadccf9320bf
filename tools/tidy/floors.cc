#include "floors.h"

#include <sstream>

namespace weir::tidy {

Floors Floors::parse(const File& file, std::vector<Finding>& findings) {
  Floors floors;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string_view row = trim(file.lines[i]);
    if (row.empty() || row.starts_with('#')) continue;
    const size_t colon = row.find(':');
    if (colon == std::string_view::npos) {
      findings.push_back({file.path, i + 1, "this row has no colon", "write it as `module: floor floor`", "floors"});
      continue;
    }
    const std::string module(trim(row.substr(0, colon)));
    std::set<std::string> reach{module};
    std::istringstream names{std::string(row.substr(colon + 1))};
    for (std::string name; names >> name;) {
      const auto below = floors.reach_.find(name);
      if (below == floors.reach_.end()) {
        findings.push_back({file.path, i + 1, module + " stands on " + name + ", which no row above defines",
                            "move the row of " + name + " above this one; a cycle cannot be mended that way", "floors"});
        continue;
      }
      reach.insert(below->second.begin(), below->second.end());
    }
    floors.reach_[module] = std::move(reach);
  }
  return floors;
}

bool Floors::may_include(std::string_view from, std::string_view to) const {
  const auto it = reach_.find(std::string(from));
  return it != reach_.end() && it->second.contains(std::string(to));
}

}  // namespace weir::tidy
