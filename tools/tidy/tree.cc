#include "tree.h"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace weir::tidy {
namespace {

namespace fs = std::filesystem;

// Folders and files of the root that people write in. Everything else (build output, caches, .git) is not looked at.
constexpr std::string_view kFolders[] = {"src", "tests", "tools", "docs", "cmake", "packaging", "web", ".ci"};
constexpr std::string_view kExtensions[] = {".h", ".cc", ".md", ".wire", ".txt", ".cmake", ".sh", ".py", ".def", ".service", ""};
constexpr size_t kFileBytesMax = 4 << 20;

bool is_identifier(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool is_wanted(const fs::path& path) {
  for (std::string_view extension : kExtensions) {
    if (path.extension() == extension) return true;
  }
  return false;
}

// Consumes one literal that starts at `at` and returns the position behind it.
size_t skip_literal(std::string_view text, size_t at) {
  const char quote = text[at];
  if (quote == '"' && at > 0 && text[at - 1] == 'R') {
    const size_t open = text.find('(', at);
    if (open == std::string_view::npos) return text.size();
    const std::string close = ")" + std::string(text.substr(at + 1, open - at - 1)) + "\"";
    const size_t end = text.find(close, open);
    return end == std::string_view::npos ? text.size() : end + close.size();
  }
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote || text[i] == '\n') {
      return i + (text[i] == quote);
    }
  }
  return text.size();
}

// The end of the comment or literal that starts at `at`, or `at` when none starts there.
size_t skip_invisible(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("//")) return std::min(text.find('\n', at), text.size());
  if (rest.starts_with("/*")) {
    const size_t end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  const bool in_number = at > 0 && is_identifier(text[at - 1]);  // 1'000
  if (rest.starts_with('"') || (rest.starts_with('\'') && !in_number)) return skip_literal(text, at);
  return at;
}

}  // namespace

bool File::is_test() const {
  const size_t dot = path.rfind('.');
  const std::string_view stem = std::string_view(path).substr(0, dot);
  return stem.ends_with("_test") || stem.ends_with("_fuzz") || stem.ends_with("_bench") || path.starts_with("tests/");
}

std::string_view File::module() const {
  constexpr std::string_view kPrefix = "src/weir/";
  if (!path.starts_with(kPrefix)) return {};
  const size_t slash = path.find('/', kPrefix.size());
  return slash == std::string::npos ? std::string_view{} : std::string_view(path).substr(kPrefix.size(), slash - kPrefix.size());
}

Tree Tree::load(const std::string& root) {
  Tree tree;
  const auto add = [&](const fs::path& path) {
    if (fs::is_regular_file(path) && fs::file_size(path) <= kFileBytesMax) {
      tree.add(fs::relative(path, root).generic_string(), is_wanted(path) ? read(path) : std::string());
    }
  };
  for (const fs::directory_entry& entry : fs::directory_iterator(root)) add(entry.path());
  for (std::string_view folder : kFolders) {
    if (!fs::is_directory(fs::path(root) / folder)) continue;
    fs::recursive_directory_iterator walk(fs::path(root) / folder);
    for (const fs::directory_entry& entry : walk) {
      const std::string name = entry.path().filename().string();
      if (entry.is_directory() && (name == "node_modules" || name == "__pycache__" || name == "build")) {
        walk.disable_recursion_pending();
      } else {
        add(entry.path());
      }
    }
  }
  return tree;
}

void Tree::add(std::string path, std::string_view text) {
  File file;
  file.path = path;
  file.lines = split_lines(text);
  file.is_script = file.has_extension(".py") || file.has_extension(".sh") || text.starts_with("#!");
  if (file.is_cpp()) file.code = split_lines(blank_comments_and_literals(text));
  files_.insert_or_assign(std::move(path), std::move(file));
}

const File* Tree::find(std::string_view path) const {
  const auto it = files_.find(path);
  return it == files_.end() ? nullptr : &it->second;
}

bool Tree::exists(std::string_view path) const {
  while (path.ends_with('/')) path.remove_suffix(1);
  if (find(path) != nullptr) return true;
  const std::string folder = std::string(path) + "/";
  const auto it = files_.lower_bound(folder);
  return it != files_.end() && it->first.starts_with(folder);
}

std::string blank_comments_and_literals(std::string_view text) {
  std::string out(text);
  for (size_t i = 0; i < text.size();) {
    const size_t end = skip_invisible(text, i);
    for (size_t j = i; j < end; ++j) {
      if (text[j] != '\n') out[j] = ' ';
    }
    i = end > i ? end : i + 1;
  }
  return out;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

size_t find_word(std::string_view line, std::string_view word, size_t from) {
  for (size_t at = line.find(word, from); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool starts = at == 0 || !is_identifier(word.front()) || !is_identifier(line[at - 1]);
    const bool ends = end >= line.size() || !is_identifier(word.back()) || !is_identifier(line[end]);
    if (starts && ends) return at;
  }
  return std::string_view::npos;
}

}  // namespace weir::tidy
