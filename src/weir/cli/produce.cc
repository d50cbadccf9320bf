// weir produce: lines of standard input become records.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>

#include <fmt/format.h>

#include "weir/cli/client_command.h"
#include "weir/cli/json_text.h"
#include "weir/client/producer.h"

namespace weir::cli {

namespace {

constexpr size_t kReadBytes = 256 << 10;
constexpr size_t kLineBytesMax = 64 << 20;
constexpr size_t kUnconfirmedMax = 100'000;
constexpr size_t kBatchBytes = 128 << 10;

std::optional<record::Compression> parse_compression(std::string_view text) {
  for (int i = 0; i < codec::kCompressionCount; ++i) {
    if (codec::name_of(static_cast<record::Compression>(i)) == text) return static_cast<record::Compression>(i);
  }
  return std::nullopt;
}

// Escapes that people type in separators: \t, \n, \0, \\.
std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 't': out += '\t'; break;
      case 'n': out += '\n'; break;
      case '0': out += '\0'; break;
      default: out += text[i];
    }
  }
  return out;
}

class LineProducer {
 public:
  LineProducer(ClientContext& context, ProduceArgs args, client::ProducerOptions options)
      : context_(context), args_(std::move(args)), producer_(context.cluster, options) {}

  Task<Result<void>> run() {
    if (args_.separator) separator_ = unescaped(*args_.separator);
    for (const std::string& text : args_.headers) {
      WEIR_CO_TRY(auto pair, parse_pair(text));
      pairs_.push_back(std::move(pair));
    }
    for (const auto& [key, value] : pairs_) headers_.push_back({key, as_bytes(value)});
    const MonoTime began = context_.env.executor.now();
    Result<void> done = co_await send_input();
    if (done) done = co_await producer_.flush({});
    if (done) done = co_await confirm(0);
    co_await producer_.close();
    if (!done) co_return done;
    report_result(context_.env.executor.now() - began);
    co_return Result<void>();
  }

 private:
  // Reading may wait for a person: never on the loop's thread.
  Task<Result<void>> send_input() {
    std::string pending;
    size_t searched = 0;
    for (;;) {
      const size_t before = pending.size();
      pending.resize(before + kReadBytes);
      char* into = pending.data() + before;
      const ssize_t count = co_await context_.env.offload.run(context_.env.executor, [into] {
        ssize_t got;
        do got = ::read(STDIN_FILENO, into, kReadBytes);
        while (got < 0 && errno == EINTR);
        return got;
      });
      if (count < 0) co_return fail(ErrorCode::kInvalidArgument, "cannot read standard input");
      pending.resize(before + static_cast<size_t>(count));
      size_t at = 0;
      for (size_t end; (end = pending.find('\n', std::max(at, searched))) != std::string::npos; at = end + 1) {
        WEIR_CO_CHECK(co_await send_line(std::string_view(pending).substr(at, end - at)));
      }
      pending.erase(0, at);
      searched = pending.size();
      if (pending.size() > kLineBytesMax) co_return fail(ErrorCode::kInvalidArgument, "a line of more than 64 MiB");
      if (count == 0) break;
    }
    if (!pending.empty()) WEIR_CO_CHECK(co_await send_line(pending));
    co_return Result<void>();
  }

  Task<Result<void>> send_line(std::string_view line) {
    ++lines_;
    client::OutRecord record;
    record.topic = args_.topic;
    if (args_.partition) record.partition = PartitionIndex(*args_.partition);
    if (args_.key) record.key = as_bytes(*args_.key);
    record.value = as_bytes(line);
    record.headers = headers_;
    if (args_.separator) {
      const size_t mark = line.find(separator_);
      if (mark == std::string_view::npos) {
        co_return fail(ErrorCode::kInvalidArgument, fmt::format("line {} of standard input has no \"{}\" between key and value", lines_, *args_.separator));
      }
      record.key = as_bytes(line.substr(0, mark));
      record.value = as_bytes(line.substr(mark + separator_.size()));
    }
    WEIR_CO_TRY(client::Delivery delivery, co_await producer_.send(record, {}));
    deliveries_.push_back(std::move(delivery));
    if (deliveries_.size() >= kUnconfirmedMax) WEIR_CO_CHECK(co_await confirm(kUnconfirmedMax / 2));
    co_return Result<void>();
  }

  // Waits until at most `left` records are unsettled; the first failure is the command's.
  Task<Result<void>> confirm(size_t left) {
    while (deliveries_.size() > left) {
      const client::Delivery delivery = std::move(deliveries_.front());
      deliveries_.pop_front();
      client::Delivery mine = delivery;
      const auto stored = co_await mine.wait(context_.env.executor, {});
      if (!stored) co_return fail(stored.error().code(), fmt::format("after {} records: {}", stored_, stored.error().message()));
      ++stored_;
    }
    co_return Result<void>();
  }

  void report_result(Duration took) {
    const double seconds = static_cast<double>(took.count()) / 1e9;
    if (args_.cluster.json) {
      fmt::print("{{\"topic\":{},\"records\":{},\"seconds\":{:.3f}}}\n", json_string(args_.topic), stored_, seconds);
    } else {
      fmt::print(stderr, "{} record{} in {} ({:.2f} s)\n", stored_, stored_ == 1 ? "" : "s", args_.topic, seconds);
    }
  }

  ClientContext& context_;
  ProduceArgs args_;
  client::Producer producer_;
  std::string separator_;
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::vector<record::Header> headers_;
  std::deque<client::Delivery> deliveries_;
  uint64_t lines_ = 0;
  uint64_t stored_ = 0;
};

Task<Result<void>> run_produce(ClientContext& context, ProduceArgs args) {
  const auto compression = parse_compression(args.compression);
  WEIR_ASSERT(compression.has_value());  // the command line checked it
  client::ProducerOptions options;
  options.compression = *compression;
  options.batch_bytes = kBatchBytes;
  options.acks = args.acks == "0" ? 0 : args.acks == "1" ? 1 : -1;
  options.idempotent = options.acks == -1;
  WEIR_CO_CHECK(co_await find_topic(context, args.topic));
  LineProducer lines(context, std::move(args), options);
  co_return co_await lines.run();
}

}  // namespace

int produce(const ProduceArgs& args) { return run_client(args, args.cluster, &run_produce); }

}  // namespace weir::cli
