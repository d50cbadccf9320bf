// The floor: the least a broker can do. It receives Produce v7 frames, checks each batch's CRC-32C, writes the batch to its
// partition's file and answers; it answers Fetch v11 by sendfile from the same files. Nothing else: no other request, no
// index, no recovery, no topics. What a broker costs above this is what its being a broker costs.
//
//   floor PORT DIRECTORY [flush]          with `flush`, fdatasync before each answer
//
// One thread, epoll, loopback only. It prints "ready" when it listens and ends with SIGTERM.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "wire.h"

namespace bench {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::int32_t kFrameBytesMax = 100 << 20;

struct Entry {
  std::int64_t offset;
  std::int64_t position;
};

struct Partition {
  int fd = -1;
  std::int64_t next = 0;
  std::int64_t bytes = 0;
  std::vector<Entry> entries;  // one for each batch
};

struct Connection {
  int fd = -1;
  std::string in;  // a buffer: its size is its capacity, kept from read to read
  std::size_t filled = 0;
  std::size_t parsed = 0;
};

class Floor {
 public:
  Floor(int port, std::string folder, bool flush) : folder_(std::move(folder)), flush_(flush) { listen_on(port); }

  [[noreturn]] void run() {
    std::vector<epoll_event> events(64);
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int index = 0; index < count; ++index) {
        const int fd = events[static_cast<std::size_t>(index)].data.fd;
        if (fd == listener_) {
          accept_one();
        } else if (!read_some(connections_[fd])) {
          connections_.erase(fd);
          close(fd);
        }
      }
    }
  }

 private:
  void listen_on(int port) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || listen(listener_, 16) != 0) {
      die("cannot listen on port " + std::to_string(port));
    }
    epoll_ = epoll_create1(0);
    watch(listener_);
    std::puts("ready");
    std::fflush(stdout);
  }

  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_one() {
    const int fd = accept(listener_, nullptr, nullptr);
    if (fd < 0) {
      return;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connections_[fd].fd = fd;
    watch(fd);
  }

  bool read_some(Connection& connection) {
    if (connection.in.size() - connection.filled < kReadBytes) {
      connection.in.resize(connection.filled + kReadBytes);
    }
    const ssize_t got = recv(connection.fd, connection.in.data() + connection.filled, kReadBytes, 0);
    if (got <= 0) {
      return false;
    }
    connection.filled += static_cast<std::size_t>(got);
    while (connection.filled - connection.parsed >= 4) {
      const auto size = get<std::int32_t>(connection.in.data() + connection.parsed);
      if (size < 8 || size > kFrameBytesMax) {
        return false;
      }
      if (connection.filled - connection.parsed - 4 < static_cast<std::size_t>(size)) {
        break;
      }
      char* frame = connection.in.data() + connection.parsed + 4;
      const auto api = get<std::int16_t>(frame);
      if (!(api == 0 ? produce(connection.fd, frame) : api == 1 && fetch(connection.fd, frame))) {
        return false;
      }
      connection.parsed += 4 + static_cast<std::size_t>(size);
    }
    connection.filled -= connection.parsed;
    std::memmove(connection.in.data(), connection.in.data() + connection.parsed, connection.filled);
    connection.parsed = 0;
    return true;
  }

  Partition& partition(std::int32_t index) {
    Partition& found = partitions_[index];
    if (found.fd < 0) {
      const std::string path = folder_ + "/floor-" + std::to_string(index) + ".log";
      found.fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
      if (found.fd < 0) {
        die("cannot write " + path);
      }
    }
    return found;
  }

  // Both kinds of frame come from our own generator: one topic, one partition.
  static const char* after_header(const char* frame, std::int32_t& correlation) {
    correlation = get<std::int32_t>(frame + 4);
    return frame + 10 + get<std::int16_t>(frame + 8);
  }

  bool produce(int fd, char* frame) {
    std::int32_t correlation = 0;
    const char* at = after_header(frame, correlation) + 2 + 2 + 4 + 4;
    const std::string topic(at + 2, static_cast<std::size_t>(get<std::int16_t>(at)));
    at += 2 + topic.size() + 4;
    const auto index = get<std::int32_t>(at);
    const auto size = static_cast<std::size_t>(get<std::int32_t>(at + 4));
    char* batch = const_cast<char*>(at + 8);
    if (crc32c(batch + kCrcFrom, size - kCrcFrom) != get<std::uint32_t>(batch + 17)) {
      return false;
    }
    Partition& target = partition(index);
    std::string base;
    put<std::int64_t>(base, target.next);
    put<std::int32_t>(base, static_cast<std::int32_t>(size - 12));
    put<std::int32_t>(base, 0);
    std::memcpy(batch, base.data(), base.size());
    if (pwrite(target.fd, batch, size, target.bytes) != static_cast<ssize_t>(size)) {
      die("the write failed");
    }
    if (flush_ && fdatasync(target.fd) != 0) {
      die("fdatasync failed");
    }
    std::string answer;
    put<std::int32_t>(answer, 0);
    put<std::int32_t>(answer, correlation);
    put<std::int32_t>(answer, 1);
    put_text(answer, topic);
    put<std::int32_t>(answer, 1);
    put<std::int32_t>(answer, index);
    put<std::int16_t>(answer, 0);
    put<std::int64_t>(answer, target.next);
    put<std::int64_t>(answer, -1);
    put<std::int64_t>(answer, 0);
    put<std::int32_t>(answer, 0);
    target.entries.push_back({target.next, target.bytes});
    target.next += get<std::int32_t>(batch + 23) + 1;
    target.bytes += static_cast<std::int64_t>(size);
    return reply(fd, answer, 0);
  }

  bool fetch(int fd, char* frame) {
    std::int32_t correlation = 0;
    const char* at = after_header(frame, correlation) + 4 + 4 + 4;
    at += 4 + 1 + 4 + 4 + 4;
    const std::string topic(at + 2, static_cast<std::size_t>(get<std::int16_t>(at)));
    at += 2 + topic.size() + 4;
    const auto index = get<std::int32_t>(at);
    const auto offset = get<std::int64_t>(at + 8);
    const auto limit = static_cast<std::int64_t>(get<std::int32_t>(at + 24));
    Partition& source = partition(index);
    const auto by_offset = [](const Entry& entry, std::int64_t wanted) { return entry.offset < wanted; };
    const auto first = std::lower_bound(source.entries.begin(), source.entries.end(), offset, by_offset);
    off_t from = first == source.entries.end() ? source.bytes : first->position;
    const std::int64_t size = std::min(limit, source.bytes - from);
    std::string answer;
    put<std::int32_t>(answer, 0);
    put<std::int32_t>(answer, correlation);
    put<std::int32_t>(answer, 0);
    put<std::int16_t>(answer, 0);
    put<std::int32_t>(answer, 0);
    put<std::int32_t>(answer, 1);
    put_text(answer, topic);
    put<std::int32_t>(answer, 1);
    put<std::int32_t>(answer, index);
    put<std::int16_t>(answer, 0);
    put<std::int64_t>(answer, source.next);
    put<std::int64_t>(answer, source.next);
    put<std::int64_t>(answer, 0);
    put<std::int32_t>(answer, -1);
    put<std::int32_t>(answer, -1);
    put<std::int32_t>(answer, static_cast<std::int32_t>(size));
    if (!reply(fd, answer, size)) {
      return false;
    }
    for (std::int64_t left = size; left > 0;) {
      const ssize_t sent = sendfile(fd, source.fd, &from, static_cast<std::size_t>(left));
      if (sent <= 0) {
        return false;
      }
      left -= sent;
    }
    return true;
  }

  // Sends the head of an answer; `more` bytes of it follow from a file.
  static bool reply(int fd, std::string& answer, std::int64_t more) {
    std::string size;
    put<std::int32_t>(size, static_cast<std::int32_t>(answer.size() - 4 + static_cast<std::size_t>(more)));
    answer.replace(0, 4, size);
    const int flags = MSG_NOSIGNAL | (more > 0 ? MSG_MORE : 0);
    return send(fd, answer.data(), answer.size(), flags) == static_cast<ssize_t>(answer.size());
  }

  std::string folder_;
  bool flush_;
  int listener_ = -1;
  int epoll_ = -1;
  std::map<int, Connection> connections_;
  std::map<std::int32_t, Partition> partitions_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: floor PORT DIRECTORY [flush]\n");
    return 2;
  }
  bench::Floor floor(std::atoi(argv[1]), argv[2], argc > 3 && std::string(argv[3]) == "flush");
  floor.run();
}
