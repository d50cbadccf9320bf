// Who holds a resource that we wanted: reads /proc, best effort (another user's processes do not show their files).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <netinet/in.h>
#include <sys/types.h>

namespace weir::runtime {

struct Holder {
  pid_t pid = 0;
  std::string name;
  std::string text() const;  // "pid 4121 (java)"
};

// The process that listens on `port` at `address` (IPv4 or IPv6) or at every address.
std::optional<Holder> holder_of_port(const sockaddr_storage& address);

// A process other than us that has the file open; ours when there is no other.
std::optional<Holder> holder_of_file(dev_t device, ino_t inode);

Holder holder_with_pid(pid_t pid);

}  // namespace weir::runtime
