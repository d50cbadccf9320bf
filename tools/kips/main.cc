// weir_kips ROOT prints docs/kips.md; weir_kips --check ROOT compares it with the page that is there.
// Exits with 1 and one sentence per fault when the table is wrong or the page is not the table's.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "kips.h"

namespace fs = std::filesystem;

namespace weir::kips {
namespace {

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Tests tests_of(const fs::path& root) {
  Tests tests;
  for (const char* folder : {"src/weir", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string path = entry.path().string();
      const bool is_case = entry.path().extension() == ".py" && entry.path().filename().string().starts_with("cases_");
      if (path.ends_with("_test.cc") || is_case || path.ends_with("tests/cli/run")) find_tests(path, read(entry.path()), tests);
    }
  }
  return tests;
}

int run(const fs::path& root, bool check) {
  std::vector<std::string> faults;
  const std::vector<Row> rows = parse(read(root / "tools/kips/kips.txt"), tests_of(root), faults);
  if (rows.empty()) faults.push_back("no rows: give the root of the repository");
  const std::string text = page(rows);
  if (check && faults.empty() && read(root / "docs/kips.md") != text) {
    faults.push_back("docs/kips.md is not what the table says: run build/release/weir_kips . > docs/kips.md");
  }
  for (const std::string& fault : faults) std::fprintf(stderr, "weir_kips: %s\n", fault.c_str());
  if (!faults.empty()) return 1;
  if (check) {
    std::printf("kips: %zu rows\n", rows.size());
  } else {
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return 0;
}

}  // namespace
}  // namespace weir::kips

int main(int argc, char** argv) {
  const bool check = argc > 1 && std::string_view(argv[1]) == "--check";
  if (argc != (check ? 3 : 2)) {
    std::fprintf(stderr, "usage: weir_kips [--check] ROOT\n");
    return 2;
  }
  return weir::kips::run(argv[argc - 1], check);
}
