// weir_tidy [--warnings] ROOT: checks the tree at ROOT against the rules in rules.h.
// Prints one line per finding, `file:line: what is wrong: what to do`; exit code 1 when there is any.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "rules.h"

namespace weir::tidy {
namespace {

void print(const Finding& f) { std::printf("%s:%zu: %s: %s\n", f.path.c_str(), f.line, f.wrong.c_str(), f.remedy.c_str()); }

int run(const std::string& root, bool show_warnings) {
  const Tree tree = Tree::load(root);
  const File* rows = tree.find("src/weir/FLOORS");
  if (rows == nullptr) {
    std::fprintf(stderr, "weir_tidy: %s has no src/weir/FLOORS: give the root of the repository\n", root.c_str());
    return 2;
  }
  std::vector<Finding> findings;
  std::vector<Finding> warnings;
  const Floors floors = Floors::parse(*rows, findings);
  check_floors(tree, floors, findings);
  check_includes(tree, findings);
  check_calls(tree, findings);
  check_sizes(tree, findings);
  check_unfinished(tree, findings);
  check_documents(tree, floors, findings);
  check_properties(tree, warnings);
  apply_exceptions(tree, findings);

  for (const Finding& f : findings) print(f);
  for (const Finding& f : warnings) {
    if (show_warnings) print(f);
  }
  std::printf("tidy: %zu files, %zu findings, %zu warnings\n", tree.files().size(), findings.size(), warnings.size());
  return findings.empty() ? 0 : 1;
}

}  // namespace
}  // namespace weir::tidy

int main(int argc, char** argv) {
  const bool show_warnings = argc > 1 && std::string_view(argv[1]) == "--warnings";
  if (argc != (show_warnings ? 3 : 2)) {
    std::fprintf(stderr, "usage: weir_tidy [--warnings] ROOT\n");
    return 2;
  }
  try {
    return weir::tidy::run(argv[argc - 1], show_warnings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_tidy: %s\n", error.what());
    return 2;
  }
}
