// A raw load generator: speaks Produce v7 and Fetch v11 on one socket, with nothing of a client library between.
//
//   lone produce HOST PORT TOPIC --count N [--records R] [--bytes B] [--partitions P] [--window W] [--rate PER_SECOND]
//   lone fetch   HOST PORT TOPIC --partitions P --bytes LIMIT      reads every partition from 0 to its end
//   lone tail    HOST PORT TOPIC --partitions P --count N          one fetch session at the ends of all P partitions; each of N
//                                                                  batches is produced to the next partition and read
//
// produce sends batches of R records of B bytes, at most W unanswered (1 unless set: a lone request and its wait), over P
// partitions in turn, acks=all; with --spread S a request carries a batch for each of the next S partitions. It prints one line:
//   requests N records N mib X seconds S p50_us A p99_us B p999_us C max_us D
// With --rate the latency is counted from when a request was due, not from when it could be sent.
#include <poll.h>

#include <algorithm>
#include <deque>

#include "load.h"

namespace bench {
namespace {

// Whether an answer can be read before `due`.
bool readable_before(int fd, std::uint64_t due) {
  const std::uint64_t now = now_ns();
  const std::uint64_t left = due > now ? due - now : 0;
  const timespec pause{static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
  pollfd wanted{fd, POLLIN, 0};
  return ppoll(&wanted, 1, &pause, nullptr) > 0;
}

int produce(const Options& options) {
  const int fd = connect_to(options);
  const std::string batch = make_batch(options);
  std::vector<std::string> frames;
  for (long first = 0; first < options.partitions; first += options.spread) {
    frames.push_back(produce_frame(options, batch, first));
  }
  std::vector<std::uint64_t> latencies;
  latencies.reserve(static_cast<std::size_t>(options.count));
  std::deque<std::uint64_t> sent_at;
  std::string answer;
  const std::size_t error_at = 4 + 4 + 2 + options.topic.size() + 4 + 4;
  const std::uint64_t begin = now_ns();
  long sent = 0;
  while (static_cast<long>(latencies.size()) < options.count) {
    while (sent < options.count && static_cast<long>(sent_at.size()) < options.window) {
      std::uint64_t from = now_ns();
      if (options.rate > 0) {
        const std::uint64_t due = begin + static_cast<std::uint64_t>(sent) * 1'000'000'000 / static_cast<std::uint64_t>(options.rate);
        if (now_ns() < due && readable_before(fd, due)) {
          break;
        }
        from = due;
      }
      std::string& frame = frames[static_cast<std::size_t>(sent) % frames.size()];
      patch(frame, 8, static_cast<std::int32_t>(sent));
      send_all(fd, frame.data(), frame.size());
      sent_at.push_back(from);
      ++sent;
    }
    if (sent_at.empty()) {
      continue;
    }
    receive_frame(fd, answer);
    if (get<std::int32_t>(answer.data()) != static_cast<std::int32_t>(latencies.size())) {
      die("the answers are out of order");
    }
    if (const auto error = get<std::int16_t>(answer.data() + error_at); error != 0) {
      errno = 0;
      die("the broker answered error " + std::to_string(error));
    }
    latencies.push_back(now_ns() - sent_at.front());
    sent_at.pop_front();
  }
  const double seconds = static_cast<double>(now_ns() - begin) / 1e9;
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(latencies.size()));
    return static_cast<double>(latencies[std::min(latencies.size() - 1, index)]) / 1e3;
  };
  const long batches = options.count * options.spread;
  const long records = batches * options.records;
  std::printf("requests %ld records %ld mib %.3f seconds %.3f p50_us %.1f p99_us %.1f p999_us %.1f max_us %.1f\n", options.count, records,
              static_cast<double>(batches) * static_cast<double>(batch.size()) / 1048576.0, seconds, at(0.5), at(0.99), at(0.999),
              static_cast<double>(latencies.back()) / 1e3);
  close(fd);
  return 0;
}

std::string fetch_frame(const Options& options, long partition, std::int64_t offset) {
  std::string frame;
  put_header(frame, 1, 11);
  put<std::int32_t>(frame, -1);
  put<std::int32_t>(frame, 500);  // wait
  put<std::int32_t>(frame, 1);    // for a byte
  put<std::int32_t>(frame, static_cast<std::int32_t>(options.bytes));
  frame.push_back(0);             // read_uncommitted
  put<std::int32_t>(frame, 0);
  put<std::int32_t>(frame, -1);   // no session
  put<std::int32_t>(frame, 1);
  put_text(frame, options.topic);
  put<std::int32_t>(frame, 1);
  put<std::int32_t>(frame, static_cast<std::int32_t>(partition));
  put<std::int32_t>(frame, -1);
  put<std::int64_t>(frame, offset);
  put<std::int64_t>(frame, -1);
  put<std::int32_t>(frame, static_cast<std::int32_t>(options.bytes));
  put<std::int32_t>(frame, 0);
  put_text(frame, "");
  patch(frame, 0, static_cast<std::int32_t>(frame.size() - 4));
  return frame;
}

// Reads one answer's batches: how many records and bytes, and where to go on.
struct Progress {
  std::int64_t next = 0, records = 0, bytes = 0, high_watermark = 0;
};

void read_batches(const Options& options, const std::string& answer, Progress& progress) {
  std::size_t at = 4 + 4 + 2 + 4 + 4 + 2 + options.topic.size() + 4;
  at += 4;
  if (const auto error = get<std::int16_t>(answer.data() + at); error != 0) {
    errno = 0;
    die("the broker answered error " + std::to_string(error));
  }
  progress.high_watermark = get<std::int64_t>(answer.data() + at + 2);
  at += 2 + 8 + 8 + 8;
  const auto aborted = get<std::int32_t>(answer.data() + at);
  at += 4 + (aborted > 0 ? 16 * static_cast<std::size_t>(aborted) : 0) + 4;
  const auto size = get<std::int32_t>(answer.data() + at);
  at += 4;
  const std::size_t end = at + static_cast<std::size_t>(std::max(size, 0));
  while (at + kBatchHeader <= end) {
    const auto length = static_cast<std::size_t>(get<std::int32_t>(answer.data() + at + 8)) + 12;
    if (at + length > end) {
      break;
    }
    const auto base = get<std::int64_t>(answer.data() + at);
    if (base != progress.next) {
      errno = 0;
      die("offset " + std::to_string(base) + " came where " + std::to_string(progress.next) + " was due");
    }
    const auto count = get<std::int32_t>(answer.data() + at + 57);
    progress.records += count;
    progress.bytes += static_cast<std::int64_t>(length);
    progress.next = base + get<std::int32_t>(answer.data() + at + 23) + 1;
    at += length;
  }
}

int fetch(const Options& options) {
  const int fd = connect_to(options);
  const std::uint64_t begin = now_ns();
  std::int64_t records = 0, bytes = 0;
  long requests = 0;
  std::string answer;
  for (long partition = 0; partition < options.partitions; ++partition) {
    Progress progress;
    do {
      const std::string frame = fetch_frame(options, partition, progress.next);
      send_all(fd, frame.data(), frame.size());
      receive_frame(fd, answer);
      read_batches(options, answer, progress);
      ++requests;
    } while (progress.next < progress.high_watermark);
    records += progress.records;
    bytes += progress.bytes;
  }
  std::printf("requests %ld records %lld mib %.3f seconds %.3f\n", requests, static_cast<long long>(records),
              static_cast<double>(bytes) / 1048576.0, static_cast<double>(now_ns() - begin) / 1e9);
  close(fd);
  return 0;
}

// What a session is asked for: the partitions that changed since the last request, or all of them in the first.
std::string session_frame(const Options& options, std::int32_t session, std::int32_t epoch, const std::vector<long>& partitions,
                          const std::vector<std::int64_t>& offsets) {
  std::string frame;
  put_header(frame, 1, 11);
  put<std::int32_t>(frame, -1);
  put<std::int32_t>(frame, 500);  // wait
  put<std::int32_t>(frame, 1);    // for a byte
  put<std::int32_t>(frame, 50 << 20);
  frame.push_back(0);             // read_uncommitted
  put<std::int32_t>(frame, session);
  put<std::int32_t>(frame, epoch);
  put<std::int32_t>(frame, partitions.empty() ? 0 : 1);
  if (!partitions.empty()) {
    put_text(frame, options.topic);
    put<std::int32_t>(frame, static_cast<std::int32_t>(partitions.size()));
    for (const long partition : partitions) {
      put<std::int32_t>(frame, static_cast<std::int32_t>(partition));
      put<std::int32_t>(frame, -1);
      put<std::int64_t>(frame, offsets[static_cast<std::size_t>(partition)]);
      put<std::int64_t>(frame, -1);
      put<std::int32_t>(frame, 1 << 20);
    }
  }
  put<std::int32_t>(frame, 0);
  put_text(frame, "");
  patch(frame, 0, static_cast<std::int32_t>(frame.size() - 4));
  return frame;
}

struct SessionAnswer {
  std::int32_t session = 0;
  std::vector<long> moved;  // partitions whose records came
};

SessionAnswer read_session_answer(const Options& options, const std::string& answer, std::vector<std::int64_t>& offsets) {
  SessionAnswer read;
  std::size_t at = 4 + 4;
  if (const auto error = get<std::int16_t>(answer.data() + at); error != 0) {
    errno = 0;
    die("the broker answered the session with error " + std::to_string(error));
  }
  read.session = get<std::int32_t>(answer.data() + at + 2);
  const auto topics = get<std::int32_t>(answer.data() + at + 6);
  at += 10;
  for (std::int32_t topic = 0; topic < topics; ++topic) {
    at += 2 + options.topic.size();
    const auto partitions = get<std::int32_t>(answer.data() + at);
    at += 4;
    for (std::int32_t index = 0; index < partitions; ++index) {
      const auto partition = get<std::int32_t>(answer.data() + at);
      if (const auto error = get<std::int16_t>(answer.data() + at + 4); error != 0) {
        errno = 0;
        die("partition " + std::to_string(partition) + " was answered error " + std::to_string(error));
      }
      at += 4 + 2 + 8 + 8 + 8;
      const auto aborted = get<std::int32_t>(answer.data() + at);
      at += 4 + (aborted > 0 ? 16 * static_cast<std::size_t>(aborted) : 0) + 4;
      const auto size = get<std::int32_t>(answer.data() + at);
      at += 4;
      const std::size_t end = at + static_cast<std::size_t>(std::max(size, 0));
      while (at < end) {
        std::int64_t& next = offsets[static_cast<std::size_t>(partition)];
        if (get<std::int64_t>(answer.data() + at) != next) {
          errno = 0;
          die("partition " + std::to_string(partition) + " came from another offset than was due");
        }
        next += get<std::int32_t>(answer.data() + at + 23) + 1;
        at += static_cast<std::size_t>(get<std::int32_t>(answer.data() + at + 8)) + 12;
        read.moved.push_back(partition);
      }
    }
  }
  return read;
}

// Where each partition ends, by ListOffsets v1.
std::vector<std::int64_t> ends_of(const Options& options, int fd) {
  std::string frame;
  put_header(frame, 2, 1);
  put<std::int32_t>(frame, -1);
  put<std::int32_t>(frame, 1);
  put_text(frame, options.topic);
  put<std::int32_t>(frame, static_cast<std::int32_t>(options.partitions));
  for (long partition = 0; partition < options.partitions; ++partition) {
    put<std::int32_t>(frame, static_cast<std::int32_t>(partition));
    put<std::int64_t>(frame, -1);
  }
  patch(frame, 0, static_cast<std::int32_t>(frame.size() - 4));
  send_all(fd, frame.data(), frame.size());
  std::string answer;
  receive_frame(fd, answer);
  std::size_t at = 4 + 4 + 2 + options.topic.size() + 4;
  std::vector<std::int64_t> ends(static_cast<std::size_t>(options.partitions));
  for (std::size_t index = 0; index < ends.size(); ++index, at += 4 + 2 + 8 + 8) {
    if (const auto error = get<std::int16_t>(answer.data() + at + 4); error != 0) {
      errno = 0;
      die("the broker answered ListOffsets with error " + std::to_string(error));
    }
    ends[static_cast<std::size_t>(get<std::int32_t>(answer.data() + at))] = get<std::int64_t>(answer.data() + at + 14);
  }
  return ends;
}

// A lone record at a time through a session over all partitions: what watching many costs when one of them moves.
int tail(const Options& options) {
  const int producing = connect_to(options), fetching = connect_to(options);
  const std::string batch = make_batch(options);
  std::vector<std::int64_t> offsets = ends_of(options, fetching);
  std::vector<long> changed;
  for (long partition = 0; partition < options.partitions; ++partition) {
    changed.push_back(partition);
  }
  SessionAnswer answered;
  std::int32_t epoch = 0;
  std::string answer;
  std::vector<std::uint64_t> latencies;
  const std::uint64_t begin = now_ns();
  const auto ask = [&] {
    const std::string frame = session_frame(options, answered.session, epoch, changed, offsets);
    send_all(fetching, frame.data(), frame.size());
  };
  const auto hear = [&] {
    receive_frame(fetching, answer);
    answered = read_session_answer(options, answer, offsets);
    ++epoch;
    changed = answered.moved;
  };
  ask();
  hear();
  if (answered.session == 0) {
    errno = 0;
    die("the broker gave no session");
  }
  for (long sent = 0; sent < options.count; ++sent) {
    ask();
    std::string frame = produce_frame(options, batch, sent % options.partitions);
    patch(frame, 8, static_cast<std::int32_t>(sent));
    const std::uint64_t from = now_ns();
    send_all(producing, frame.data(), frame.size());
    do {
      hear();
      if (changed.empty()) {
        ask();  // its wait was over
      }
    } while (changed.empty());
    latencies.push_back(now_ns() - from);
    receive_frame(producing, answer);
  }
  const double seconds = static_cast<double>(now_ns() - begin) / 1e9;
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(latencies.size()));
    return static_cast<double>(latencies[std::min(latencies.size() - 1, index)]) / 1e3;
  };
  std::printf("requests %ld records %ld seconds %.3f p50_us %.1f p99_us %.1f max_us %.1f\n", options.count, options.count * options.records,
              seconds, at(0.5), at(0.99), static_cast<double>(latencies.back()) / 1e3);
  close(fetching);
  close(producing);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using bench::die;
  if (argc < 5 || argc % 2 == 0) {
    std::fprintf(stderr, "usage: lone produce|fetch|tail HOST PORT TOPIC [--count N] [--records R] [--bytes B] [--partitions P] [--window W] "
                         "[--rate PER_SECOND] [--spread S]\n");
    return 2;
  }
  bench::Options options;
  options.mode = argv[1];
  options.host = argv[2];
  options.port = std::atoi(argv[3]);
  options.topic = argv[4];
  for (int index = 5; index + 1 < argc; index += 2) {
    const std::string name = argv[index];
    const long value = std::atol(argv[index + 1]);
    long* target = name == "--count"        ? &options.count
                   : name == "--records"    ? &options.records
                   : name == "--bytes"      ? &options.bytes
                   : name == "--partitions" ? &options.partitions
                   : name == "--window"     ? &options.window
                   : name == "--rate"       ? &options.rate
                   : name == "--spread"     ? &options.spread
                                            : nullptr;
    if (target == nullptr || value < 1) {
      errno = 0;
      die("not an option and a positive number: " + name + " " + argv[index + 1]);
    }
    *target = value;
  }
  return options.mode == "produce" ? bench::produce(options) : options.mode == "tail" ? bench::tail(options) : bench::fetch(options);
}
