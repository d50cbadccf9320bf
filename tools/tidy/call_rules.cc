#include <cctype>

#include "rules.h"

namespace weir::tidy {
namespace {

struct Banned {
  std::string_view word;  // matched as a whole word outside comments and strings
  std::string_view instead;
};

constexpr Banned kWords[] = {
    {"steady_clock", "take a runtime::Clock"},
    {"system_clock", "take a runtime::Clock"},
    {"high_resolution_clock", "take a runtime::Clock"},
    {"clock_gettime", "take a runtime::Clock"},
    {"gettimeofday", "take a runtime::Clock"},
    {"sleep_for", "sleep on a runtime::Clock"},
    {"nanosleep", "sleep on a runtime::Clock"},
    {"usleep", "sleep on a runtime::Clock"},
    {"random_device", "take a runtime::Random"},
    {"std::rand", "take a runtime::Random"},
    {"srand", "take a runtime::Random"},
    {"getrandom", "take a runtime::Random"},
    {"getenv", "read the environment in cli and pass a value"},
    {"std::thread", "run on a Shard or through Offload"},
    {"std::jthread", "run on a Shard or through Offload"},
    {"std::async", "run on a Shard or through Offload"},
    {"pthread_create", "run on a Shard or through Offload"},
    {"std::mutex", "let one shard own it and send messages"},
    {"std::shared_mutex", "let one shard own it and send messages"},
    {"std::recursive_mutex", "let one shard own it and send messages"},
    {"std::condition_variable", "await a Channel or a Semaphore"},
    {"std::ifstream", "read through a runtime::Disk"},
    {"std::ofstream", "write through a runtime::Disk"},
    {"std::fstream", "go through a runtime::Disk"},
    {"fopen", "go through a runtime::Disk"},
    {"fdatasync", "sync through a runtime::Disk"},
    {"fsync", "sync through a runtime::Disk"},
    {"preadv2", "read through a runtime::Disk"},
    {"pwritev2", "write through a runtime::Disk"},
    {"epoll_wait", "wait on a runtime seam"},
};

// Calls whose names are also ordinary names of methods: only the global form `::name(` is the system's.
constexpr std::string_view kGlobalCalls[] = {
    "open",  "openat", "close",     "read",    "write",     "pread",  "pwrite",  "preadv",  "pwritev",  "socket",
    "bind",  "listen", "accept",    "connect", "send",      "recv",   "sendmsg", "recvmsg", "sendfile", "stat",
    "fstat", "mkdir",  "unlink",    "rename",  "ftruncate", "mmap",   "poll",    "select",  "fork",     "kill",
    "time",  "flock",  "fallocate", "sync",    "syncfs",    "system", "rand",    "random"};

// Where the seams meet the system. Mains and tests may use it as well.
bool may_call(const File& file) {
  return file.module().empty() || file.is_test() || file.path.starts_with("src/weir/runtime/real/") ||
         file.path.starts_with("src/weir/cli/");
}

// The position of `::name(` not preceded by a name or template: std::rename is another matter than ::rename.
bool has_global_call(std::string_view code, std::string_view name) {
  for (size_t at = find_word(code, name); at != std::string_view::npos; at = find_word(code, name, at + 1)) {
    const std::string_view behind = trim(code.substr(at + name.size()));
    if (!behind.starts_with('(') || at < 2 || code.substr(at - 2, 2) != "::") continue;
    if (at == 2) return true;
    const char before = code[at - 3];
    if (std::isalnum(static_cast<unsigned char>(before)) == 0 && before != '_' && before != '>') return true;
  }
  return false;
}

void check_line(const File& file, size_t line, std::string_view code, std::vector<Finding>& findings) {
  for (const Banned& banned : kWords) {
    if (find_word(code, banned.word) != std::string_view::npos) {
      findings.push_back(
          {file.path, line, std::string(banned.word) + " outside src/weir/runtime/real", std::string(banned.instead), "call"});
    }
  }
  for (std::string_view name : kGlobalCalls) {
    if (has_global_call(code, name)) {
      findings.push_back(
          {file.path, line, "::" + std::string(name) + " outside src/weir/runtime/real", "go through a seam of runtime", "call"});
    }
  }
}

}  // namespace

void check_calls(const Tree& tree, std::vector<Finding>& findings) {
  for (const auto& [path, file] : tree.files()) {
    if (!file.is_cpp() || may_call(file)) continue;
    for (size_t i = 0; i < file.code.size(); ++i) {
      if (!trim(file.code[i]).starts_with('#')) check_line(file, i + 1, file.code[i], findings);
    }
  }
}

}  // namespace weir::tidy
