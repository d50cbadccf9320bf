#include "weir/runtime/real/holder.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <set>
#include <string_view>

#include <fmt/format.h>

namespace weir::runtime {
namespace {

std::string first_line(const std::string& path) {
  std::string line;
  if (FILE* file = std::fopen(path.c_str(), "re")) {
    char buffer[256];
    if (std::fgets(buffer, sizeof buffer, file) != nullptr) line = buffer;
    std::fclose(file);
  }
  while (!line.empty() && line.back() == '\n') line.pop_back();
  return line;
}

// Calls visit(name) for each entry whose name is a number until it returns true.
template <typename Visit>
bool each_number(const std::string& dir, Visit visit) {
  DIR* stream = ::opendir(dir.c_str());
  if (stream == nullptr) return false;
  bool found = false;
  while (const dirent* entry = found ? nullptr : ::readdir(stream)) {
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') found = visit(std::string(entry->d_name));
  }
  ::closedir(stream);
  return found;
}

// A process with a descriptor for which matches(path of the link in /proc) holds, never `except`.
template <typename Matches>
std::optional<Holder> process_with(Matches matches, pid_t except) {
  std::optional<Holder> holder;
  each_number("/proc", [&](const std::string& pid_text) {
    pid_t pid = 0;
    std::from_chars(pid_text.data(), pid_text.data() + pid_text.size(), pid);
    if (pid == except) return false;
    const std::string fds = "/proc/" + pid_text + "/fd";
    if (!each_number(fds, [&](const std::string& fd) { return matches(fds + "/" + fd); })) return false;
    holder = holder_with_pid(pid);
    return true;
  });
  return holder;
}

// The kernel writes addresses as 32-bit words of the machine's byte order.
std::string proc_address(const sockaddr_storage& address) {
  uint32_t words[4];
  size_t count = 1;
  if (address.ss_family == AF_INET) {
    std::memcpy(words, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
  } else {
    std::memcpy(words, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
    count = 4;
  }
  std::string text;
  for (size_t i = 0; i < count; ++i) text += fmt::format("{:08X}", words[i]);
  return text;
}

constexpr std::string_view kMapped = "0000000000000000FFFF0000";  // ::ffff:0:0/96, word by word as above

void collect_listeners(const char* table, uint16_t port, const std::string& address, std::set<std::string>& links) {
  FILE* file = std::fopen(table, "re");
  if (file == nullptr) return;
  char line[512];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    char local[64];
    unsigned local_port = 0;
    unsigned state = 0;
    unsigned long inode = 0;
    const int fields = std::sscanf(line, " %*u: %63[0-9A-F]:%x %*s %x %*s %*s %*s %*u %*u %lu", local, &local_port, &state, &inode);
    constexpr unsigned kListen = 0x0A;
    if (fields != 4 || state != kListen || local_port != port) continue;
    const std::string_view text(local);
    const bool is_any = text.find_first_not_of('0') == std::string_view::npos;
    const bool wants_any = address.find_first_not_of('0') == std::string::npos;
    // An IPv4 address in IPv6 clothes: how a JVM listens on 127.0.0.1.
    const bool is_mapped = text.size() == 32 && text.starts_with(kMapped) && text.substr(kMapped.size()) == address;
    if (is_any || wants_any || is_mapped || text == address) links.insert(fmt::format("socket:[{}]", inode));
  }
  std::fclose(file);
}

}  // namespace

std::string Holder::text() const { return name.empty() ? fmt::format("pid {}", pid) : fmt::format("pid {} ({})", pid, name); }

Holder holder_with_pid(pid_t pid) { return {pid, first_line(fmt::format("/proc/{}/comm", pid))}; }

std::optional<Holder> holder_of_port(const sockaddr_storage& address) {
  const uint16_t port = ntohs(address.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                                                           : reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  std::set<std::string> links;
  collect_listeners("/proc/net/tcp", port, proc_address(address), links);
  collect_listeners("/proc/net/tcp6", port, proc_address(address), links);
  if (links.empty()) return std::nullopt;
  return process_with(
      [&](const std::string& link) {
        char target[64];
        const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
        return size > 0 && links.contains(std::string(target, static_cast<size_t>(size)));
      },
      0);
}

std::optional<Holder> holder_of_file(dev_t device, ino_t inode) {
  std::optional<Holder> other = process_with(
      [&](const std::string& link) {
        struct stat about;
        return ::stat(link.c_str(), &about) == 0 && about.st_dev == device && about.st_ino == inode;
      },
      ::getpid());
  return other ? other : holder_with_pid(::getpid());
}

}  // namespace weir::runtime
