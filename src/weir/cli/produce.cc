// weir produce: lines of standard input or of files become records.
#include <cstdio>
#include <deque>

#include <fmt/format.h>

#include "weir/cli/client_command.h"
#include "weir/cli/input_lines.h"
#include "weir/cli/json_text.h"
#include "weir/cli/produce_line.h"
#include "weir/cli/progress.h"
#include "weir/cli/record_format.h"
#include "weir/cli/words.h"
#include "weir/client/producer.h"

namespace weir::cli {

namespace {

constexpr uint64_t kRecordsPerLook = 1024;
constexpr Duration kFlushAfterInterrupt = 5s;
constexpr size_t kUnconfirmedMax = 100'000;
constexpr size_t kBatchBytes = 128 << 10;

class LineProducer {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  LineProducer(ClientContext& context, ProduceArgs args, client::ProducerOptions options, Headers headers)
      : context_(context), args_(std::move(args)), lines_(context.env, args_.files, args_.whole), producer_(context.cluster, options), pairs_(std::move(headers)) {}

  Task<Result<void>> run() {
    rules_.json = args_.input == "json";
    if (args_.separator) rules_.separator = unescape(*args_.separator);
    rules_.empty_is_null = args_.empty_is_null;
    rules_.keeps_partition = args_.keep_partition;
    for (const auto& [key, value] : pairs_) headers_.push_back({key, as_bytes(value)});
    if (lines_.is_terminal()) report_hint(rules_.json ? "a JSON object a line; Ctrl-D ends" : "a record a line; Ctrl-D ends");
    began_ = context_.env.executor.now();
    Result<void> done = co_await send_input();
    if (done) done = co_await producer_.flush({Deadline::never(), context_.stop});
    const bool is_interrupted = !done && done.error().code() == ErrorCode::kCancelled;
    Result<void> stored = done;
    if (is_interrupted) {
      stored = co_await producer_.flush({Deadline::at(context_.env.executor.now() + kFlushAfterInterrupt), {}});
      if (!stored) stored = fail(stored.error().code(), co_await what_is_not_stored());
    }
    if (stored) stored = co_await confirm(0);
    if (!stored) done = stored;
    co_await producer_.close();
    progress_.finish();
    if (done || is_interrupted) report_result(context_.env.executor.now() - began_);
    co_return done;
  }

 private:
  Task<Result<void>> send_input() {
    for (;;) {
      WEIR_CO_TRY(const auto line, co_await lines_.next(context_.stop));
      if (!line) co_return Result<void>();
      WEIR_CO_CHECK(co_await send_line(*line));
      if (!lines_.is_terminal() && sent_ % kRecordsPerLook == 0) show_progress();
    }
  }

  Task<Result<void>> send_line(std::string_view line) {
    auto parsed = args_.whole ? LineRecord{.value = std::string(line)} : parse_line(line, rules_);
    if (!parsed) co_return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", lines_.place(), parsed.error().message()));
    client::OutRecord record;
    record.topic = args_.topic;
    if (parsed->partition) record.partition = PartitionIndex(*parsed->partition);
    if (args_.partition) record.partition = PartitionIndex(*args_.partition);
    if (parsed->key) record.key = as_bytes(*parsed->key);
    if (args_.key) record.key = as_bytes(*args_.key);
    if (parsed->value) record.value = as_bytes(*parsed->value);
    record.timestamp = parsed->timestamp;
    record.headers = headers_;
    std::vector<record::Header> own;
    if (!parsed->headers.empty()) {
      own = headers_;
      for (const auto& [key, value] : parsed->headers) own.push_back({key, value ? std::optional<ByteView>(as_bytes(*value)) : std::nullopt});
      record.headers = own;
    }
    WEIR_CO_TRY(client::Delivery delivery, co_await producer_.send(record, {Deadline::never(), context_.stop}));
    ++sent_;
    deliveries_.push_back(std::move(delivery));
    if (deliveries_.size() >= kUnconfirmedMax) WEIR_CO_CHECK(co_await confirm(kUnconfirmedMax / 2));
    co_return Result<void>();
  }

  // Waits until at most `left` records are unsettled; the first failure is the command's.
  Task<Result<void>> confirm(size_t left) {
    while (deliveries_.size() > left) {
      client::Delivery delivery = std::move(deliveries_.front());
      deliveries_.pop_front();
      const auto stored = co_await delivery.wait(context_.env.executor, {});
      if (!stored) co_return fail(stored.error().code(), fmt::format("after {} records: {}", stored_, stored.error().message()));
      ++stored_;
    }
    co_return Result<void>();
  }

  // After an interrupt that left no time to find out about all.
  Task<std::string> what_is_not_stored() {
    for (client::Delivery& delivery : deliveries_) {
      if (delivery.is_done() && co_await delivery.wait(context_.env.executor, {})) ++stored_;
    }
    co_return fmt::format("interrupted: of {} records that were read, {} may not be stored", sent_, sent_ - stored_);
  }

  void show_progress() {
    const MonoTime now = context_.env.executor.now();
    const auto total = lines_.bytes_total();
    progress_.show({.what = "produce", .done = total ? lines_.bytes_read() : sent_, .total = total, .counts_bytes = total.has_value(), .elapsed = now - began_}, now);
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
  InputLines lines_;
  LineRules rules_;
  client::Producer producer_;
  Headers pairs_;  // of every record
  std::vector<record::Header> headers_;
  std::deque<client::Delivery> deliveries_;
  Progress progress_;
  MonoTime began_;
  uint64_t sent_ = 0;
  uint64_t stored_ = 0;
};

Task<Result<void>> run_produce(ClientContext& context, ProduceArgs args) {
  const auto compression = codec::compression_named(args.compression);
  WEIR_ASSERT(compression.has_value());  // the command line checked it
  client::ProducerOptions options;
  options.compression = *compression;
  options.batch_bytes = kBatchBytes;
  options.acks = args.acks == "0" ? 0 : args.acks == "1" ? 1 : -1;
  options.idempotent = options.acks == -1;
  if (args.whole && (args.separator || args.input == "json")) {
    co_return fail(ErrorCode::kInvalidArgument, "--whole makes one record of a file: it takes neither --separator nor --input json");
  }
  LineProducer::Headers headers;
  for (const std::string& text : args.headers) {
    WEIR_CO_TRY(auto pair, parse_pair(text));
    headers.push_back(std::move(pair));
  }
  WEIR_CO_CHECK(co_await find_topic(context, args.topic));
  LineProducer lines(context, std::move(args), options, std::move(headers));
  co_return co_await lines.run();
}

}  // namespace

int produce(const ProduceArgs& args) { return run_client(args, args.cluster, &run_produce, OnInterrupt::kStop); }

}  // namespace weir::cli
