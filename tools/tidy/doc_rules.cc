#include <set>

#include "rules.h"

namespace weir::tidy {
namespace {

constexpr std::string_view kRoots[] = {"src/", "docs/", "tests/", "tools/", "cmake/", "packaging/", ".ci/"};

// Names that stand for many files are not paths: NN_name.cc, *.wire, <module>, {a,b}, ...
bool is_pattern(std::string_view span) {
  return span.find_first_of("*<>{}$|=") != std::string_view::npos || span.find("NN") != std::string_view::npos ||
         span.find("...") != std::string_view::npos;
}

// The path a code span names from the root, or nothing: `src/weir/base/error.h:12`, `storage/log.cc`, `docs/sql.md`.
std::string path_named(std::string_view span, const Floors& floors) {
  span = span.substr(0, span.find_first_of(" :#"));
  if (span.empty() || is_pattern(span)) return {};
  for (std::string_view root : kRoots) {
    if (span.starts_with(root)) return std::string(span);
  }
  const size_t slash = span.find('/');
  if (slash == std::string_view::npos || !floors.has(span.substr(0, slash))) return {};
  for (std::string_view extension : {".h", ".cc", ".wire", "/"}) {
    if (span.ends_with(extension)) return "src/weir/" + std::string(span);
  }
  return {};
}

// Resolves a link of a document against the document's folder: docs/a/x.md with ../b.md is docs/b.md.
std::string resolve(std::string_view document, std::string_view link) {
  std::string folder(document.substr(0, document.rfind('/') == std::string_view::npos ? 0 : document.rfind('/')));
  while (link.starts_with("../") || link.starts_with("./")) {
    if (link.starts_with("../")) folder = folder.substr(0, folder.rfind('/') == std::string::npos ? 0 : folder.rfind('/'));
    link.remove_prefix(link.starts_with("../") ? 3 : 2);
  }
  return folder.empty() ? std::string(link) : folder + "/" + std::string(link);
}

void check_spans(const Tree& tree, const Floors& floors, const File& file, size_t line, std::vector<Finding>& findings) {
  const std::string_view text = file.lines[line - 1];
  for (size_t open = text.find('`'); open != std::string_view::npos;) {
    const size_t close = text.find('`', open + 1);
    if (close == std::string_view::npos) return;
    const std::string path = path_named(text.substr(open + 1, close - open - 1), floors);
    if (!path.empty() && !tree.exists(path)) {
      findings.push_back({file.path, line, path + " does not exist", "name what is there now, or say it without a path", "path"});
    }
    open = text.find('`', close + 1);
  }
}

void check_links(const Tree& tree, const File& file, size_t line, std::vector<Finding>& findings) {
  const std::string_view text = file.lines[line - 1];
  for (size_t at = text.find("]("); at != std::string_view::npos; at = text.find("](", at + 2)) {
    const size_t close = text.find(')', at);
    if (close == std::string_view::npos) return;
    std::string_view link = text.substr(at + 2, close - at - 2);
    link = link.substr(0, link.find('#'));
    if (link.empty() || link.find(':') != std::string_view::npos) continue;
    if (const std::string path = resolve(file.path, link); !tree.exists(path)) {
      findings.push_back({file.path, line, "the link to " + path + " leads nowhere", "mend the link", "path"});
    }
  }
}

}  // namespace

void check_documents(const Tree& tree, const Floors& floors, std::vector<Finding>& findings) {
  std::set<std::string> with_code;
  for (const auto& [path, file] : tree.files()) {
    if (!file.module().empty() && !file.is_test() && (file.is_cpp() || file.has_extension(".wire"))) {
      with_code.emplace(file.module());
    }
    const bool is_document = file.has_extension(".md") && (path.find('/') == std::string::npos || path.starts_with("docs/"));
    bool fenced = false;
    for (size_t i = 0; is_document && i < file.lines.size(); ++i) {
      if (trim(file.lines[i]).starts_with("```")) fenced = !fenced;
      if (fenced) continue;
      check_spans(tree, floors, file, i + 1, findings);
      check_links(tree, file, i + 1, findings);
    }
  }
  for (const std::string& module : with_code) {
    const std::string page = "docs/internals/" + module + ".md";
    if (tree.find(page) == nullptr) {
      findings.push_back({page, 1, "module " + module + " has code and no page",
                          "write it: purpose, main types, invariants, what is not obvious", "internals"});
    }
  }
}

}  // namespace weir::tidy
