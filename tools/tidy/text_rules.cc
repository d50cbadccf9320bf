#include "rules.h"

namespace weir::tidy {
namespace {

// Written in two pieces, so that this file does not find itself.
constexpr std::string_view kUnfinished[] = {
    "TO"
    "DO",
    "FIX"
    "ME",
    "XX"
    "X"};
constexpr std::string_view kTestMacros[] = {"TEST(", "TEST_F(", "TEST_P(", "TYPED_TEST("};

bool starts_test(std::string_view line) {
  for (std::string_view macro : kTestMacros) {
    if (line.starts_with(macro)) return true;
  }
  return false;
}

// True when the comment block directly above line `at` (0 is the first) names a property.
bool has_property(const File& file, size_t at) {
  while (at > 0 && trim(file.lines[at - 1]).starts_with("//")) {
    --at;
    if (file.lines[at].find("Property") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

void check_unfinished(const Tree& tree, std::vector<Finding>& findings) {
  for (const auto& [path, file] : tree.files()) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      for (std::string_view word : kUnfinished) {
        if (find_word(file.lines[i], word) != std::string_view::npos) {
          findings.push_back(
              {path, i + 1, std::string(word) + " in the tree", "finish it, or file an issue and drop the line", "unfinished"});
        }
      }
    }
  }
}

void check_properties(const Tree& tree, std::vector<Finding>& warnings) {
  for (const auto& [path, file] : tree.files()) {
    if (!file.is_cpp()) continue;
    for (size_t i = 0; i < file.code.size(); ++i) {
      if (starts_test(file.code[i]) && !has_property(file, i)) {
        warnings.push_back({path, i + 1, "this test does not say which property it checks",
                            "begin it with `// Property: ...` and what would make it fail", "property"});
      }
    }
  }
}

}  // namespace weir::tidy
