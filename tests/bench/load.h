// What the modes of the load generator share: its options, a socket, batches and the frames that carry them.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "wire.h"

namespace bench {

struct Options {
  std::string mode, host, topic;
  int port = 0;
  long count = 20000, records = 1, bytes = 1024, partitions = 1, window = 1, rate = 0, spread = 1;
};

inline int connect_to(const Options& options) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(options.port));
  if (inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1) {
    die(options.host + " is not an IPv4 address");
  }
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    die("cannot connect to " + options.host + ":" + std::to_string(options.port));
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

inline void send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) {
      die("the broker closed the connection");
    }
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
}

inline void receive_exactly(int fd, char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t got = recv(fd, data, size, 0);
    if (got <= 0) {
      die("the broker closed the connection");
    }
    data += got;
    size -= static_cast<std::size_t>(got);
  }
}

inline void receive_frame(int fd, std::string& frame) {
  char head[4];
  receive_exactly(fd, head, sizeof(head));
  frame.resize(static_cast<std::size_t>(get<std::int32_t>(head)));
  receive_exactly(fd, frame.data(), frame.size());
}

inline void put_varint(std::string& out, std::int64_t value) {
  auto zigzag = static_cast<std::uint64_t>(value << 1 ^ value >> 63);
  for (; zigzag >= 0x80; zigzag >>= 7) {
    out.push_back(static_cast<char>(zigzag | 0x80));
  }
  out.push_back(static_cast<char>(zigzag));
}

inline std::string make_batch(const Options& options) {
  std::string records;
  std::uint64_t noise = 88172645463325252;
  for (long index = 0; index < options.records; ++index) {
    std::string record(1, '\0');
    put_varint(record, 0);
    put_varint(record, index);
    put_varint(record, -1);
    put_varint(record, options.bytes);
    for (long at = 0; at < options.bytes; ++at) {
      noise ^= noise << 13;
      noise ^= noise >> 7;
      noise ^= noise << 17;
      record.push_back(static_cast<char>('A' + noise % 26));
    }
    put_varint(record, 0);
    put_varint(records, static_cast<std::int64_t>(record.size()));
    records += record;
  }
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  const std::int64_t stamp = static_cast<std::int64_t>(wall.tv_sec) * 1000;
  std::string covered;
  put<std::int16_t>(covered, 0);
  put<std::int32_t>(covered, static_cast<std::int32_t>(options.records - 1));
  put<std::int64_t>(covered, stamp);
  put<std::int64_t>(covered, stamp);
  put<std::int64_t>(covered, -1);
  put<std::int16_t>(covered, -1);
  put<std::int32_t>(covered, -1);
  put<std::int32_t>(covered, static_cast<std::int32_t>(options.records));
  covered += records;
  std::string batch;
  put<std::int64_t>(batch, 0);
  put<std::int32_t>(batch, static_cast<std::int32_t>(covered.size() + 9));
  put<std::int32_t>(batch, -1);
  batch.push_back(2);
  put<std::uint32_t>(batch, crc32c(covered.data(), covered.size()));
  return batch + covered;
}

inline void put_header(std::string& frame, int api, int version) {
  put<std::int32_t>(frame, 0);  // size, set when the frame is whole
  put<std::int16_t>(frame, static_cast<std::int16_t>(api));
  put<std::int16_t>(frame, static_cast<std::int16_t>(version));
  put<std::int32_t>(frame, 0);  // correlation id
  put_text(frame, "lone");
}

inline void patch(std::string& frame, std::size_t at, std::int32_t value) {
  std::string text;
  put<std::int32_t>(text, value);
  frame.replace(at, 4, text);
}

// A batch for each of `options.spread` partitions from `first` on.
inline std::string produce_frame(const Options& options, const std::string& batch, long first) {
  std::string frame;
  put_header(frame, 0, 7);
  put<std::int16_t>(frame, -1);  // no transactional id
  put<std::int16_t>(frame, -1);  // acks=all
  put<std::int32_t>(frame, 30000);
  put<std::int32_t>(frame, 1);
  put_text(frame, options.topic);
  put<std::int32_t>(frame, static_cast<std::int32_t>(options.spread));
  for (long index = 0; index < options.spread; ++index) {
    put<std::int32_t>(frame, static_cast<std::int32_t>((first + index) % options.partitions));
    put<std::int32_t>(frame, static_cast<std::int32_t>(batch.size()));
    frame += batch;
  }
  patch(frame, 0, static_cast<std::int32_t>(frame.size() - 4));
  return frame;
}

}  // namespace bench
