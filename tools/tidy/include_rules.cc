#include <algorithm>
#include <array>

#include "rules.h"

namespace weir::tidy {
namespace {

struct Include {
  std::string_view name;  // between the quotes or brackets
  bool quoted = false;
};

Include parse_include(std::string_view line) {
  line = trim(line);
  if (!line.starts_with('#')) return {};
  line = trim(line.substr(1));
  if (!line.starts_with("include")) return {};
  line = trim(line.substr(7));
  if (line.size() < 2 || (line.front() != '"' && line.front() != '<')) return {};
  const size_t end = line.find(line.front() == '"' ? '"' : '>', 1);
  if (end == std::string_view::npos) return {};
  return {line.substr(1, end - 1), line.front() == '"'};
}

template <typename Visit>
void each_include(const File& file, Visit visit) {
  for (size_t i = 0; i < file.lines.size(); ++i) {
    if (const Include include = parse_include(file.lines[i]); !include.name.empty()) visit(i + 1, include);
  }
}

// Standard headers that cost every file which includes one of ours, or that belong behind the runtime's seams.
struct Heavy {
  std::string_view name;
  std::string_view instead;
};
constexpr Heavy kNotInHeaders[] = {
    {"iostream", "format with fmt, report through Logger"},
    {"regex", "write the few lines of matching by hand"},
    {"filesystem", "take a runtime::Disk"},
    {"ranges", "write the loop"},
    {"thread", "run on a Shard or through Offload"},
    {"future", "return a Task"},
    {"functional", "take a template parameter or a small interface; std::hash comes with <string_view>, std::less with <map>"},
};
constexpr std::string_view kNotInSources[] = {"iostream", "regex", "future"};

// Headers whose calls reach the operating system: only runtime/real and cli have them.
constexpr std::string_view kSystemHeaders[] = {"unistd.h",   "fcntl.h",     "poll.h",   "signal.h",     "csignal",
                                               "pthread.h",  "semaphore.h", "dirent.h", "netdb.h",      "sched.h",
                                               "time.h",     "ifaddrs.h",   "mutex",    "shared_mutex", "condition_variable",
                                               "thread",     "semaphore",   "latch",    "barrier",      "stop_token",
                                               "filesystem", "fstream",     "random"};
constexpr std::string_view kSystemFolders[] = {"sys/", "netinet/", "arpa/", "net/", "linux/"};

// One third-party library: the start of its header names, and where it may be included.
struct Fence {
  std::string_view header;
  std::string_view rooms;  // path prefixes below src/weir/, separated by spaces
};
constexpr Fence kFences[] = {
    {"fmt/", ""},  // everywhere
    {"boost/asio", "runtime/real/"},
    {"boost/system", "runtime/real/ http/"},
    {"boost/beast", "http/"},
    {"boost/json", "codec/ cli/ node/ server/ http/"},
    {"boost/unordered", ""},
    {"boost/container", ""},
    {"boost/intrusive", ""},
    {"isa-l", "codec/ base/crc32c.cc"},
    {"crc.h", "codec/ base/crc32c.cc"},
    {"igzip_lib.h", "codec/"},
    {"libdeflate.h", "codec/"},
    {"lz4", "codec/"},
    {"zstd", "codec/"},
    {"zdict.h", "codec/"},
    {"snappy", "codec/"},
    {"zlib.h", "codec/"},
    {"openssl/", "auth/ runtime/real/"},
    {"liburing", "runtime/real/"},
    {"CLI/", "cli/"},
    {"yaml-cpp/", "node/"},
    {"jemalloc/", "cli/ node/"},
};

bool is_real(const File& file) {
  return file.path.starts_with("src/weir/runtime/real/") || file.path.starts_with("src/weir/cli/");
}

bool starts_with_any(std::string_view name, const auto& prefixes) {
  return std::any_of(std::begin(prefixes), std::end(prefixes), [&](std::string_view p) { return name.starts_with(p); });
}

bool is_system(std::string_view name) {
  return std::find(std::begin(kSystemHeaders), std::end(kSystemHeaders), name) != std::end(kSystemHeaders) ||
         starts_with_any(name, kSystemFolders);
}

// No dot, no slash: a C++ standard header. The rest of C's that do not reach the system are named.
bool is_standard(std::string_view name) {
  constexpr std::string_view kC[] = {"stdint.h", "stddef.h", "string.h", "errno.h", "limits.h", "endian.h"};
  return name.find_first_of("./") == std::string_view::npos || std::find(std::begin(kC), std::end(kC), name) != std::end(kC) ||
         name.ends_with("intrin.h") || name == "cxxabi.h" || name == "execinfo.h";
}

bool is_in_rooms(const File& file, std::string_view rooms) {
  if (rooms.empty()) return true;
  while (!rooms.empty()) {
    const size_t space = std::min(rooms.find(' '), rooms.size());
    if (file.path.starts_with("src/weir/" + std::string(rooms.substr(0, space)))) return true;
    rooms.remove_prefix(std::min(space + 1, rooms.size()));
  }
  return false;
}

void check_third_party(const File& file, size_t line, std::string_view name, std::vector<Finding>& findings) {
  for (const Fence& fence : kFences) {
    if (!name.starts_with(fence.header)) continue;
    if (!is_in_rooms(file, fence.rooms)) {
      findings.push_back({file.path, line, "<" + std::string(name) + "> is fenced in " + std::string(fence.rooms),
                          "use our interface over it, or move this code there", "include"});
    }
    return;
  }
  findings.push_back({file.path, line, "<" + std::string(name) + "> belongs to no library the tree knows",
                      "a new library needs a record in docs/decisions and a row in kFences (tools/tidy/include_rules.cc)",
                      "include"});
}

void check_header_weight(const File& file, size_t line, std::string_view name, std::vector<Finding>& findings) {
  for (const Heavy& heavy : kNotInHeaders) {
    if (name == heavy.name && !is_real(file)) {
      findings.push_back({file.path, line, "<" + std::string(name) + "> in a header", std::string(heavy.instead), "include"});
    }
  }
}

void check_one_include(const File& file, size_t line, const Include& include, std::vector<Finding>& findings) {
  const std::string_view name = include.name;
  if (include.quoted) return;
  if (file.is_header()) {
    const size_t before = findings.size();
    check_header_weight(file, line, name, findings);
    if (findings.size() != before) return;
  } else if (std::find(std::begin(kNotInSources), std::end(kNotInSources), name) != std::end(kNotInSources) && !is_real(file)) {
    findings.push_back({file.path, line, "<" + std::string(name) + "> is not used in this tree",
                        "format with fmt, report through Logger, match by hand, return a Task", "include"});
    return;
  }
  if (is_system(name)) {
    if (!is_real(file)) {
      findings.push_back({file.path, line, "<" + std::string(name) + "> reaches the operating system",
                          "go through a seam of runtime (Clock, Random, Network, Disk, Offload), whose calls live in "
                          "src/weir/runtime/real",
                          "include"});
    }
    return;
  }
  if (!is_standard(name)) check_third_party(file, line, name, findings);
}

}  // namespace

void check_floors(const Tree& tree, const Floors& floors, std::vector<Finding>& findings) {
  for (const auto& [path, file] : tree.files()) {
    const std::string_view module = file.module();
    if (!file.is_cpp() || module.empty()) continue;
    if (!floors.has(module)) {
      findings.push_back({path, 1, "module " + std::string(module) + " has no row in src/weir/FLOORS",
                          "add the row, with a decision record, or move the file", "floors"});
      continue;
    }
    each_include(file, [&, &path = path, &file = file](size_t line, const Include& include) {
      if (!include.name.starts_with("weir/")) {
        if (include.quoted && !file.is_test()) {
          findings.push_back({path, line, "\"" + std::string(include.name) + "\" is not written from src/",
                              "write it as \"weir/" + std::string(module) + "/...\"", "floors"});
        }
        return;
      }
      const std::string_view rest = include.name.substr(5);
      const std::string_view to = rest.substr(0, rest.find('/'));
      if (!floors.may_include(module, to)) {
        findings.push_back({path, line, std::string(module) + " may not include " + std::string(to),
                            "move what is shared to a lower floor, or pass an interface in; rows are in src/weir/FLOORS",
                            "floors"});
      }
    });
  }
}

void check_includes(const Tree& tree, std::vector<Finding>& findings) {
  for (const auto& [path, file] : tree.files()) {
    if (!file.is_cpp() || file.is_test() || file.module().empty()) continue;
    each_include(file,
                 [&, &file = file](size_t line, const Include& include) { check_one_include(file, line, include, findings); });
  }
}

}  // namespace weir::tidy
