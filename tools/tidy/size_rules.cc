#include <charconv>
#include <sstream>

#include "rules.h"

namespace weir::tidy {
namespace {

constexpr std::string_view kSizes = "tools/tidy/sizes.txt";
constexpr std::string_view kExceptions = "tools/tidy/exceptions.txt";

struct Ceiling {
  size_t row = 0;
  size_t lines = 0;
};

std::map<std::string, Ceiling> read_ceilings(const Tree& tree) {
  std::map<std::string, Ceiling> ceilings;
  const File* file = tree.find(kSizes);
  for (size_t i = 0; file != nullptr && i < file->lines.size(); ++i) {
    std::istringstream row(file->lines[i]);
    std::string path;
    size_t lines = 0;
    if (row >> path >> lines && !path.starts_with('#')) ceilings[path] = {i + 1, lines};
  }
  return ceilings;
}

std::string number(size_t n) { return std::to_string(n); }

}  // namespace

void check_sizes(const Tree& tree, std::vector<Finding>& findings) {
  std::map<std::string, Ceiling> ceilings = read_ceilings(tree);
  for (const auto& [path, file] : tree.files()) {
    if (!file.is_cpp() && !file.is_script) continue;
    const size_t lines = file.lines.size();
    const auto it = ceilings.find(path);
    if (it == ceilings.end()) {
      if (lines > kLinesMax) {
        findings.push_back(
            {path, lines, number(lines) + " lines, more than " + number(kLinesMax),
             "split it by concept; if it is one concept, add `" + path + " " + number(lines) + "` to " + std::string(kSizes),
             "size"});
      }
      continue;
    }
    const Ceiling ceiling = it->second;
    ceilings.erase(it);
    if (lines <= kLinesMax) {
      findings.push_back({std::string(kSizes), ceiling.row, path + " has " + number(lines) + " lines now",
                          "take its row out: it needs none", "size"});
    } else if (lines > ceiling.lines) {
      findings.push_back({path, lines, number(lines) + " lines; its ceiling is " + number(ceiling.lines),
                          "large files may shrink, not grow: put the new part in a file of its own", "size"});
    }
  }
  for (const auto& [path, ceiling] : ceilings) {
    findings.push_back({std::string(kSizes), ceiling.row, path + " does not exist", "take its row out", "size"});
  }
}

void apply_exceptions(const Tree& tree, std::vector<Finding>& findings) {
  const File* file = tree.find(kExceptions);
  for (size_t i = 0; file != nullptr && i < file->lines.size(); ++i) {
    std::istringstream row(file->lines[i]);
    std::string rule;
    std::string path;
    std::string word;
    if (!(row >> rule >> path >> word) || rule.starts_with('#')) continue;
    const auto allowed = [&](const Finding& f) {
      return f.rule == rule && f.path == path && f.wrong.find(word) != std::string::npos;
    };
    if (std::erase_if(findings, allowed) == 0) {
      findings.push_back({std::string(kExceptions), i + 1, "nothing needs this exception", "take the row out", "exception"});
    }
  }
}

}  // namespace weir::tidy
