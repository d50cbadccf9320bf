// wiregen <protocol folder> <output folder>: reads schema/*.wire, records/*/*.wire and served.txt, and writes one header and
// one source per page, the lists over all pages, and protocol.md. A file whose text did not change is not touched, so that
// only what changed is compiled again. Exits with 1 and "file:line: reason" when a page is wrong.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include <fmt/core.h>

#include "emit.h"
#include "parser.h"

namespace fs = std::filesystem;

namespace wiregen {
namespace {

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool write_if_changed(const fs::path& path, const std::string& text) {
  if (fs::exists(path) && read(path) == text) return true;
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.flush();
  if (!out) fmt::print(stderr, "wiregen: cannot write {}\n", path.string());
  return static_cast<bool>(out);
}

bool read_pages(const fs::path& folder, std::string_view name, std::vector<Page>& pages) {
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".wire") files.insert(entry.path());
  }
  for (const fs::path& file : files) {
    auto result = parse_page(file.filename().string(), name, read(file));
    if (const auto* error = std::get_if<ParseError>(&result)) {
      fmt::print(stderr, "{}/{}\n", folder.string(), error->message);
      return false;
    }
    pages.push_back(std::get<Page>(std::move(result)));
  }
  return true;
}

// Lines "key Name first-last"; the name must be the page's.
bool read_served(const fs::path& file, const std::vector<Page>& pages, std::map<int, Range>& served) {
  std::istringstream lines(read(file));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    int key = -1;
    char name[64] = {};
    Range versions;
    const bool parsed = std::sscanf(line.c_str(), "%d %63s %d-%d", &key, name, &versions.first, &versions.last) == 4;
    bool known = false;
    for (const Page& page : pages) {
      const Message& message = page.messages[0];
      known |= message.kind == Kind::kRequest && message.key == key && message.api == name && message.versions.covers(versions);
    }
    if (!parsed || !known || versions.empty()) {
      fmt::print(stderr, "{}:{}: expected \"key Name first-last\" of an API that has a page, within its versions\n",
                 file.string(), number);
      return false;
    }
    served[key] = versions;
  }
  return true;
}

int run(const fs::path& in, const fs::path& out) {
  std::vector<Page> pages;
  std::map<int, Range> served;
  if (!read_pages(in / "schema", "", pages) || !read_pages(in / "records/metadata", "metadata", pages) ||
      !read_pages(in / "records/internal", "internal", pages) || !read_served(in / "served.txt", pages, served)) {
    return 1;
  }
  bool written = true;
  for (const Page& page : pages) {
    const fs::path header = out / header_path(page);
    written &= write_if_changed(header, emit_header(page));
    written &= write_if_changed(fs::path(header).replace_extension(".cc"), emit_source(page));
  }
  const fs::path folder = out / "weir/protocol";
  written &= write_if_changed(folder / "api_keys.h", emit_api_keys(pages, served));
  written &= write_if_changed(folder / "api_messages.h", emit_forward(pages));
  written &= write_if_changed(folder / "metadata_records.h", emit_metadata_records(pages));
  written &= write_if_changed(folder / "registry.cc", emit_registry(pages));
  written &= write_if_changed(out / "protocol.md", emit_docs(pages, served));
  return written ? 0 : 1;
}

}  // namespace
}  // namespace wiregen

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: wiregen <protocol folder> <output folder>\n");
    return 2;
  }
  return wiregen::run(argv[1], argv[2]);
}
