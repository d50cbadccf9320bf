// Consumer groups from raw sockets: many members of one group, and many committed positions.
//
//   members rebalance HOST PORT GROUP --members N --rounds R    N members, a socket each; R full rebalances of the stable group
//   members commit    HOST PORT TOPIC --groups G --partitions P   commits position 7 of P partitions for each of G groups
//   members loaded    HOST PORT --groups G                      waits until ListGroups names G groups, without an error
//
// A rebalance begins when the leader joins again. The others hear of it by a heartbeat, join, and sync; the leader hands in N
// assignments; it ends when the last member has its assignment. One line of words and figures is printed.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "wire.h"

namespace bench {
namespace {

constexpr std::int16_t kOffsetCommit = 8, kFindCoordinator = 10, kJoinGroup = 11, kHeartbeat = 12, kSyncGroup = 14, kListGroups = 16;
constexpr std::int16_t kLoading = 14, kNotCoordinator = 16, kRebalanceInProgress = 27;
constexpr std::size_t kMetadataBytes = 64, kAssignmentBytes = 64;  // a consumer of a topic or two
constexpr int kWindow = 8;

struct Options {
  std::string mode, host, name;
  int port = 0;
  long members = 500, rounds = 10, groups = 1000, partitions = 1000;
};

void receive_all(int fd, char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t got = recv(fd, data, size, 0);
    if (got <= 0) die("the broker closed the connection");
    data += got;
    size -= static_cast<std::size_t>(got);
  }
}

// Reads fields of an answer; they are not flexible in the versions used here.
class Fields {
 public:
  explicit Fields(const std::string& frame) : frame_(frame) {}
  template <typename T>
  T next() {
    if (at_ + sizeof(T) > frame_.size()) die("an answer is cut short");
    const T value = get<T>(frame_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  std::string text() { return take(next<std::int16_t>()); }
  std::string bytes() { return take(next<std::int32_t>()); }

 private:
  std::string take(long size) {
    if (size < 0) return "";
    if (at_ + static_cast<std::size_t>(size) > frame_.size()) die("an answer is cut short");
    at_ += static_cast<std::size_t>(size);
    return frame_.substr(at_ - static_cast<std::size_t>(size), static_cast<std::size_t>(size));
  }
  const std::string& frame_;
  std::size_t at_ = 4;  // after the correlation id
};

class Connection {
 public:
  explicit Connection(const Options& options) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(options.port));
    if (inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1) die(options.host + " is not an IPv4 address");
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) die("cannot connect to " + options.host);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  int fd() const { return fd_; }
  void send(std::int16_t key, std::int16_t version, const std::string& body) {
    std::string frame;
    put<std::int32_t>(frame, static_cast<std::int32_t>(body.size() + 15));
    put<std::int16_t>(frame, key);
    put<std::int16_t>(frame, version);
    put<std::int32_t>(frame, 1);
    put_text(frame, "bench");
    frame += body;
    for (std::size_t at = 0; at < frame.size();) {
      const ssize_t sent = ::send(fd_, frame.data() + at, frame.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) die("the broker closed the connection");
      at += static_cast<std::size_t>(sent);
    }
  }
  std::string receive() {
    char head[4];
    receive_all(fd_, head, sizeof(head));
    std::string frame(static_cast<std::size_t>(get<std::int32_t>(head)), '\0');
    receive_all(fd_, frame.data(), frame.size());
    return frame;
  }
  std::string call(std::int16_t key, std::int16_t version, const std::string& body) {
    send(key, version, body);
    return receive();
  }

 private:
  int fd_;
};

std::string text_of(const std::string& text) {
  std::string body;
  put_text(body, text);
  return body;
}

void await_coordinator(Connection& connection, const std::string& group) {
  for (int i = 0; i < 600; ++i) {
    const std::string frame = connection.call(kFindCoordinator, 0, text_of(group));
    if (Fields(frame).next<std::int16_t>() == 0) return;
    usleep(100'000);
  }
  die("the group has no coordinator");
}

class Member {
 public:
  Member(const Options& options, long number) : connection_(options), options_(options), number_(number) {}
  int fd() const { return connection_.fd(); }
  bool is_leader() const { return is_leader_; }
  bool is_done() const { return is_done_; }

  void join() {
    is_done_ = false;
    std::string body = text_of(options_.name);
    put<std::int32_t>(body, 60'000);
    put<std::int32_t>(body, 60'000);
    put_text(body, id_);
    put_text(body, "consumer");
    put<std::int32_t>(body, 1);
    put_text(body, "range");
    put<std::int32_t>(body, kMetadataBytes);
    put<std::int16_t>(body, 0);  // a subscription to one topic, and bytes of the assignor's: Kafka 4.3.1 never answers to less
    put<std::int32_t>(body, 1);
    put_text(body, "t");
    put<std::int32_t>(body, kMetadataBytes - 13);
    body.append(kMetadataBytes - 13, static_cast<char>(number_));
    connection_.send(kJoinGroup, 3, body);
    waits_for_ = kJoinGroup;
  }
  // `until_rebalance`: a rebalance is sure to come, so that a beat before it is followed by another.
  void beat(bool until_rebalance) {
    is_done_ = false;
    until_rebalance_ = until_rebalance;
    std::string body = text_of(options_.name);
    put<std::int32_t>(body, generation_);
    put_text(body, id_);
    connection_.send(kHeartbeat, 1, body);
    waits_for_ = kHeartbeat;
  }
  void take_answer() {
    const std::string frame = connection_.receive();
    Fields fields(frame);
    fields.next<std::int32_t>();  // throttle
    const std::int16_t error = fields.next<std::int16_t>();
    if (waits_for_ == kHeartbeat) {
      if (error == kRebalanceInProgress) return join();
      if (error == 0 && until_rebalance_) return beat(true);
      if (error == 0) {
        is_done_ = true;
        return;
      }
    }
    if (error == kRebalanceInProgress && waits_for_ == kSyncGroup) return join();
    if ((error == kLoading || error == kNotCoordinator) && waits_for_ == kJoinGroup) {
      usleep(20'000);  // it was found before it leads
      return join();
    }
    if (error != 0) die("error " + std::to_string(error) + " for api " + std::to_string(waits_for_));
    if (waits_for_ == kJoinGroup) return sync(fields);
    if (fields.bytes().size() != kAssignmentBytes) die("a member without an assignment");
    is_done_ = true;
  }

 private:
  void sync(Fields& joined) {
    generation_ = joined.next<std::int32_t>();
    joined.text();  // protocol
    const std::string leader = joined.text();
    id_ = joined.text();
    is_leader_ = leader == id_;
    std::string body = text_of(options_.name);
    put<std::int32_t>(body, generation_);
    put_text(body, id_);
    const std::int32_t count = is_leader_ ? joined.next<std::int32_t>() : 0;
    put<std::int32_t>(body, count);
    for (std::int32_t i = 0; i < count; ++i) {
      put_text(body, joined.text());
      joined.bytes();
      put<std::int32_t>(body, kAssignmentBytes);
      body.append(kAssignmentBytes, 'a');
    }
    connection_.send(kSyncGroup, 1, body);
    waits_for_ = kSyncGroup;
  }

  Connection connection_;
  const Options& options_;
  long number_;
  std::string id_;
  std::int32_t generation_ = -1;
  std::int16_t waits_for_ = 0;
  bool until_rebalance_ = false;
  bool is_leader_ = false;
  bool is_done_ = false;
};

// Until every member has its assignment. When nothing comes for a while, those who have one beat: another round may have
// begun behind their backs, as it does while members still arrive.
void settle(int poll, std::vector<Member>& members) {
  const auto count_open = [&] {
    return static_cast<std::size_t>(std::count_if(members.begin(), members.end(), [](const Member& one) { return !one.is_done(); }));
  };
  std::size_t open = count_open();
  epoll_event events[256];
  for (int idle = 0; open > 0;) {
    const int count = epoll_wait(poll, events, 256, 500);
    if (count <= 0) {
      if (++idle > 240) die("a rebalance has not ended within two minutes");
      for (Member& member : members) {
        if (member.is_done()) member.beat(false);
      }
      open = count_open();
      continue;
    }
    for (int i = 0; i < count; ++i) {
      Member& member = members[events[i].data.u32];
      const bool was_done = member.is_done();
      member.take_answer();
      if (!was_done && member.is_done()) --open;
    }
  }
}

int rebalance(const Options& options) {
  Connection first(options);
  await_coordinator(first, options.name);
  std::vector<Member> members;
  members.reserve(static_cast<std::size_t>(options.members));
  const int poll = epoll_create1(0);
  for (long i = 0; i < options.members; ++i) {
    members.emplace_back(options, i);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<std::uint32_t>(i);
    epoll_ctl(poll, EPOLL_CTL_ADD, members.back().fd(), &event);
  }
  for (Member& member : members) member.join();
  settle(poll, members);
  std::vector<double> took_ms;
  for (long round = 0; round < options.rounds; ++round) {
    const std::uint64_t begin = now_ns();
    for (Member& member : members) {
      if (member.is_leader()) member.join();
    }
    for (Member& member : members) {
      if (member.is_done()) member.beat(true);
    }
    settle(poll, members);
    took_ms.push_back(static_cast<double>(now_ns() - begin) / 1e6);
  }
  std::sort(took_ms.begin(), took_ms.end());
  std::printf("members %ld rounds %ld median_ms %.2f least_ms %.2f most_ms %.2f\n", options.members, options.rounds,
              took_ms[took_ms.size() / 2], took_ms.front(), took_ms.back());
  return 0;
}

std::string group_name(long number) { return "bench-group-" + std::to_string(number); }

int commit(const Options& options) {
  Connection connection(options);
  await_coordinator(connection, group_name(0));
  std::string topics;
  put<std::int32_t>(topics, 1);
  put_text(topics, options.name);
  put<std::int32_t>(topics, static_cast<std::int32_t>(options.partitions));
  for (long index = 0; index < options.partitions; ++index) {
    put<std::int32_t>(topics, static_cast<std::int32_t>(index));
    put<std::int64_t>(topics, 7);
    put_text(topics, "");
  }
  const std::uint64_t begin = now_ns();
  const auto send = [&](long number) {
    std::string body = text_of(group_name(number));
    put<std::int32_t>(body, -1);
    put_text(body, "");
    put<std::int64_t>(body, -1);
    connection.send(kOffsetCommit, 2, body + topics);
  };
  long sent = 0;
  for (long answered = 0; answered < options.groups;) {
    while (sent < options.groups && sent - answered < kWindow) send(sent++);
    const std::string frame = connection.receive();
    Fields fields(frame);
    fields.next<std::int32_t>();
    fields.text();
    if (fields.next<std::int32_t>() != options.partitions) die("an answer without all partitions");
    std::int16_t code = 0;
    for (long i = 0; i < options.partitions; ++i) {
      fields.next<std::int32_t>();
      const std::int16_t one = fields.next<std::int16_t>();
      code = one != 0 ? one : code;
    }
    if (code == kLoading || code == kNotCoordinator) {  // loading, or not the coordinator yet: again
      usleep(50'000);
      send(answered);
      continue;
    }
    if (code != 0) die("a commit was answered with error " + std::to_string(code));
    ++answered;
  }
  std::printf("positions %ld seconds %.3f\n", options.groups * options.partitions, static_cast<double>(now_ns() - begin) / 1e9);
  return 0;
}

int loaded(const Options& options) {
  const std::uint64_t begin = now_ns();
  Connection connection(options);
  std::int16_t error = 0;
  std::int32_t count = 0;
  for (int i = 0; i < 60'000; ++i) {
    const std::string frame = connection.call(kListGroups, 0, "");
    Fields fields(frame);
    error = fields.next<std::int16_t>();
    count = error == 0 ? fields.next<std::int32_t>() : 0;
    if (error == 0 && count >= options.groups) {
      std::printf("groups %d wait_ms %.1f\n", count, static_cast<double>(now_ns() - begin) / 1e6);
      return 0;
    }
    usleep(1'000);
  }
  die("the groups are not loaded: error " + std::to_string(error) + ", " + std::to_string(count) + " groups");
}

int run(int count, char** words) {
  Options options;
  if (count < 4) die("usage: members rebalance|commit|loaded HOST PORT [NAME] [--members N] [--rounds R] [--groups G] [--partitions P]");
  options.mode = words[1];
  options.host = words[2];
  options.port = std::atoi(words[3]);
  for (int i = 4; i < count; ++i) {
    const std::string word = words[i];
    if (word.rfind("--", 0) != 0) {
      options.name = word;
      continue;
    }
    if (++i == count) die(word + " needs a number");
    const long value = std::atol(words[i]);
    if (word == "--members") options.members = value;
    else if (word == "--rounds") options.rounds = value;
    else if (word == "--groups") options.groups = value;
    else if (word == "--partitions") options.partitions = value;
    else die(word + " is not known");
  }
  if (options.mode == "rebalance") return rebalance(options);
  if (options.mode == "commit") return commit(options);
  if (options.mode == "loaded") return loaded(options);
  die(options.mode + " is not known");
}

}  // namespace
}  // namespace bench

int main(int count, char** words) { return bench::run(count, words); }
