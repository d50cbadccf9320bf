// src/weir/FLOORS: which module may include which.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tree.h"

namespace weir::tidy {

class Floors {
 public:
  // Reads the rows `module: floor floor`. A module must stand below (before) every row that names it: so no cycles.
  static Floors parse(const File& file, std::vector<Finding>& findings);

  bool has(std::string_view module) const { return reach_.contains(std::string(module)); }
  // True when `from` may include `to`: itself, its row, and what those may include.
  bool may_include(std::string_view from, std::string_view to) const;
  const std::map<std::string, std::set<std::string>>& reach() const { return reach_; }

 private:
  std::map<std::string, std::set<std::string>> reach_;
};

}  // namespace weir::tidy
