// The files that the rules look at, read once: sources, scripts, schemas and documents, by path from the repository root.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tidy {

struct File {
  std::string path;                // from the root, with slashes
  std::vector<std::string> lines;  // as they stand
  std::vector<std::string> code;   // the same lines with comments, strings and characters blanked (C++ files only)
  bool is_script = false;          // Python or a shell's, by its name or its first line

  bool has_extension(std::string_view extension) const { return path.ends_with(extension); }
  bool is_header() const { return has_extension(".h"); }
  bool is_cpp() const { return is_header() || has_extension(".cc"); }
  // Tests, fuzzers and benchmarks: beside the code or below tests/.
  bool is_test() const;
  // "storage" for src/weir/storage/log.cc; empty outside src/weir.
  std::string_view module() const;
};

struct Finding {
  std::string path;
  size_t line = 0;     // 1 is the first
  std::string wrong;   // what is wrong
  std::string remedy;  // what to do
  std::string rule;    // the name that tools/tidy/exceptions.txt uses
};

class Tree {
 public:
  // Reads every file below the folders that people write in (see tree.cc). The build folder is not one of them.
  static Tree load(const std::string& root);

  void add(std::string path, std::string_view text);
  const std::map<std::string, File, std::less<>>& files() const { return files_; }
  const File* find(std::string_view path) const;
  // True for a file, or for a folder that has at least one file.
  bool exists(std::string_view path) const;

 private:
  std::map<std::string, File, std::less<>> files_;
};

// Blanks comments, string and character literals (raw ones too), keeping line breaks and columns.
std::string blank_comments_and_literals(std::string_view text);

std::vector<std::string> split_lines(std::string_view text);
std::string_view trim(std::string_view text);

// Finds `word` in `line` at or after `from`, where it is not part of a longer identifier; npos when absent.
size_t find_word(std::string_view line, std::string_view word, size_t from = 0);

}  // namespace weir::tidy
