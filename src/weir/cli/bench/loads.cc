// weir bench produce, consume and e2e: writers, readers, or both, around one measured stretch of time.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/amounts.h"
#include "weir/cli/bench/bench_topic.h"
#include "weir/cli/bench/broker_watch.h"
#include "weir/cli/bench/reader.h"
#include "weir/cli/bench/summary.h"
#include "weir/cli/bench/writer.h"
#include "weir/cli/process_stats.h"
#include "weir/cli/progress.h"

namespace weir::cli {

namespace {

constexpr int64_t kDurationDefaultMs = 10'000;
constexpr Duration kLookInterval = 200ms;
constexpr Duration kReadBackMax = 30s;

std::string load_title(const BenchArgs& args, const client::Topic& topic, std::string_view what, const std::string& where) {
  std::string title = fmt::format("{}: {} with {} on {}", what, topic.name, counted(topic.partitions.size(), "partition"), where);
  if (what != "consume") {
    title += fmt::format("\nload          {} records in batches of up to {}, linger {:g} ms, acks {}", bytes_text(static_cast<double>(args.record_bytes)),
                         bytes_text(static_cast<double>(args.batch_bytes)), args.linger_ms, args.acks);
    if (args.compression != "none") title += ", " + args.compression;
    if (args.keys > 0) title += fmt::format(", {} keys", args.keys);
    title += fmt::format(", {}, {}", counted(args.connections, "connection"),
                         args.rate > 0 ? fmt::format("{:.0f} records/s asked", args.rate) : std::string("as fast as they are acknowledged"));
  }
  return title;
}

class Load {
 public:
  Load(ClientContext& context, BenchArgs args, std::string_view what)
      : context_(context), args_(std::move(args)), what_(what), executor_(context.env.executor), running_(executor_) {}

  Task<Result<void>> run(bool writes, bool reads) {
    if (writes && args_.acks == "0" && (reads || args_.verify)) {
      co_return fail(ErrorCode::kInvalidArgument, "with --acks 0 nothing is acknowledged that could be counted: --acks all or 1");
    }
    WEIR_CO_TRY(bench_, co_await open_bench_topic(context_, args_));
    Result<void> done = co_await run_on_topic(writes, reads);
    co_await end_all();
    co_await drop_bench_topic(context_, args_, bench_);
    co_return done;
  }

 private:
  Task<Result<void>> run_on_topic(bool writes, bool reads) {
    std::vector<runtime::Endpoint> endpoints;
    for (const client::Broker& broker : context_.cluster.brokers()) endpoints.push_back(broker.endpoint);
    WEIR_CO_TRY(watch_, BrokerWatch::find(args_.pid, endpoints));
    const bool marks = writes && (reads || args_.verify);
    run_id_ = marks ? context_.env.random.word() | 1 : 0;
    if (writes) WEIR_CO_CHECK(co_await make_writers(marks));
    if (reads) WEIR_CO_CHECK(co_await make_readers(writes));
    if (reads) start_readers();
    while (writes && reads && !readers_have_begun()) {
      WEIR_CO_CHECK(co_await sleep_until(executor_, executor_.now() + 5ms, context_.stop));
    }
    set_plan(writes);
    for (const auto& writer : writers_) running_.spawn(&LoadWriter::run, writer.get(), writers_stop_.token());
    Result<void> done = co_await measure(writes, reads);
    if (!done) co_return done;
    co_return conclude(writes);
  }

  // Whatever became of the load: no task is left that looks at writers and readers, and no connection is open. They end by
  // themselves, writers within LoadWriter::kDrainMax.
  Task<void> end_all() {
    writers_stop_.request_stop();
    readers_stop_.request_stop();
    (void)co_await running_.join();
    for (const auto& writer : writers_) co_await writer->close();
    for (const auto& reader : readers_) co_await reader->close();
    writers_.clear();
    readers_.clear();
  }

  Task<Result<void>> make_writers(bool marks) {
    const auto compression = codec::compression_named(args_.compression);
    WEIR_ASSERT(compression.has_value());  // the command line checked it
    payload_.emplace(PayloadOptions{.run = run_id_, .record_bytes = args_.record_bytes, .batch_bytes = args_.batch_bytes, .marks = marks,
                                    .keys = args_.keys, .compression = *compression});
    for (uint32_t i = 0; i < args_.connections; ++i) {
      LoadWriter::Shared shared{context_, args_, plan_, sent_, marks ? &ledger_ : nullptr, *payload_, bench_.topic};
      writers_.push_back(std::make_unique<LoadWriter>(shared, i, args_.connections));
      WEIR_CO_CHECK(co_await writers_.back()->open());
    }
    co_return Result<void>();
  }

  // Partitions of one leader are dealt out to `connections` readers; all of it as often as there are to be consumers.
  Task<Result<void>> make_readers(bool tails) {
    const bool begins_again = !tails && args_.duration_ms.has_value();
    for (uint32_t consumer = 0; consumer < args_.fan_out; ++consumer) {
      std::map<std::pair<BrokerId, uint32_t>, std::vector<LoadReader::Place>> shares;
      uint32_t turn = 0;
      for (size_t i = 0; i < bench_.topic->partitions.size(); ++i) {
        const client::Partition& partition = bench_.topic->partitions[i];
        const Offset end = bench_.ends[i].offset;
        const Offset begin = tails || args_.from == "end" ? end : bench_.starts[i].offset;
        LoadReader::Place place{partition.index, partition.leader_epoch, begin, begin};
        if (!tails && args_.from != "end") {
          if (begin >= end) continue;  // an empty one would be asked for ever
          place.end = end;
        }
        shares[{partition.leader, turn++ % args_.connections}].push_back(place);
      }
      for (auto& [at, places] : shares) {
        LoadReader::Shared shared{context_, args_, plan_, received_, bench_.topic, tails ? run_id_ : 0, tails && consumer == 0 ? &ledger_ : nullptr};
        readers_.push_back(std::make_unique<LoadReader>(shared, at.first, std::move(places), begins_again));
        WEIR_CO_CHECK(co_await readers_.back()->open());
      }
    }
    if (readers_.empty()) co_return fail(ErrorCode::kNotFound, fmt::format("topic \"{}\" has no records to read", bench_.topic->name));
    co_return Result<void>();
  }

  void start_readers() {
    for (const auto& reader : readers_) running_.spawn(&LoadReader::run, reader.get(), readers_stop_.token());
  }
  bool readers_have_begun() const {
    return std::ranges::all_of(readers_, [](const auto& reader) { return reader->has_begun() || reader->broken(); });
  }

  void set_plan(bool writes) {
    plan_.start = executor_.now();
    if (run_id_ != 0) plan_.numbers_max = Ledger::kRecordsMax;
    const bool by_count = args_.count > 0;
    const bool warms_up = writes || args_.duration_ms;
    plan_.measure_from = plan_.start + (warms_up ? Duration(args_.warm_up_ms * 1'000'000) : Duration(0));
    if (writes && by_count) plan_.to_measure = args_.count;
    if (args_.duration_ms || (writes && !by_count)) {
      plan_.until = plan_.measure_from + Duration(args_.duration_ms.value_or(kDurationDefaultMs) * 1'000'000);
    }
  }

  Task<Result<void>> measure(bool writes, bool reads) {
    while (executor_.now() < plan_.measure_from && !context_.stop.stop_requested() && !broken()) {
      show("warming up");
      (void)co_await sleep_until(executor_, std::min(plan_.measure_from, executor_.now() + kLookInterval), context_.stop);
    }
    sent_.reset();
    received_.reset();
    watch_.begin();
    const double own = own_cpu_seconds();
    began_ = executor_.now();
    const auto is_done = [&] { return writes ? writers_done() : running_.empty(); };
    while (!is_done() && !broken() && !context_.stop.stop_requested()) {
      show("");
      watch_.look();
      (void)co_await running_.join(Deadline::at(executor_.now() + kLookInterval), context_.stop);
      if (!writes && args_.count > 0 && received_.records >= args_.count) break;
    }
    if (broken() || context_.stop.stop_requested()) {
      writers_stop_.request_stop();
      readers_stop_.request_stop();
    }
    // What was acknowledged is given time to be read.
    const MonoTime patience = executor_.now() + kReadBackMax;
    while (writes && reads && !broken() && !context_.stop.stop_requested() && executor_.now() < patience && ledger_.unread() > 0) {
      (void)co_await sleep_until(executor_, executor_.now() + 20ms, context_.stop);
    }
    ended_ = executor_.now();
    cost_ = watch_.end();
    own_cpu_ = own_cpu_seconds() - own;
    readers_stop_.request_stop();
    (void)co_await running_.join();
    progress_.finish();
    if (const auto error = broken()) co_return fail(*error);
    if (writes && args_.verify && !reads) co_return co_await read_back();
    co_return Result<void>();
  }

  bool writers_done() const { return running_.size() <= readers_.size(); }
  std::optional<Error> broken() const {
    for (const auto& writer : writers_) if (writer->broken()) return writer->broken();
    for (const auto& reader : readers_) if (reader->broken()) return reader->broken();
    return std::nullopt;
  }

  // Everything that was written since the run began, once more.
  Task<Result<void>> read_back() {
    WEIR_CO_TRY(const auto ends, co_await context_.admin.list_offsets(bench_.topic->name, {}, client::kLatest, context_.patience()));
    std::map<BrokerId, std::vector<LoadReader::Place>> shares;
    uint64_t total = 0;
    for (size_t i = 0; i < bench_.topic->partitions.size() && i < ends.size(); ++i) {
      const client::Partition& partition = bench_.topic->partitions[i];
      const Offset begin = bench_.ends[i].offset;
      if (begin >= ends[i].offset) continue;
      total += static_cast<uint64_t>(ends[i].offset - begin);
      shares[partition.leader].push_back({partition.index, partition.leader_epoch, begin, begin, ends[i].offset});
    }
    LoadStats back;
    for (auto& [leader, places] : shares) {
      LoadReader::Shared shared{context_, args_, plan_, back, bench_.topic, run_id_, &ledger_};
      readers_.push_back(std::make_unique<LoadReader>(shared, leader, std::move(places), false));
      WEIR_CO_CHECK(co_await readers_.back()->open());
    }
    for (const auto& reader : readers_) running_.spawn(&LoadReader::run, reader.get(), context_.stop);
    const MonoTime began = executor_.now();
    while (!running_.empty()) {
      progress_.show({.what = "reading back", .done = back.records, .total = total, .elapsed = executor_.now() - began}, executor_.now());
      (void)co_await running_.join(Deadline::at(executor_.now() + kLookInterval));
    }
    progress_.finish();
    const std::optional<Error> error = broken();
    for (const auto& reader : readers_) co_await reader->close();
    readers_.clear();
    if (error) co_return fail(*error);
    co_return Result<void>();
  }

  void show(std::string_view phase) {
    if (!progress_.is_shown()) return;
    const LoadStats& stats = writers_.empty() ? received_ : sent_;
    const Histogram& latency = readers_.empty() ? sent_.latency_ns : received_.latency_ns;
    const MonoTime now = executor_.now();
    const Duration past = now - (phase.empty() ? began_ : plan_.start);
    const double seconds = std::max(1e-9, static_cast<double>(past.count()) * 1e-9);
    std::string text = fmt::format("{} {}  {}  {} records  {}/s  {}/s", what_, phase, duration_text(past), count_text(stats.records),
                                   count_text(static_cast<uint64_t>(static_cast<double>(stats.records) / seconds)),
                                   bytes_text(static_cast<double>(stats.bytes) / seconds));
    if (latency.count() > 0) text += fmt::format("  p99 {}", duration_text(Duration(static_cast<int64_t>(latency.percentile(99)))));
    if (stats.errors > 0) text += fmt::format("  {} refused", count_text(stats.errors));
    progress_.show_text(text, now);
  }

  Result<void> conclude(bool writes) {
    BenchSummary summary;
    summary.title = load_title(args_, *bench_.topic, what_, context_.bootstrap);
    summary.stats = writes && readers_.empty() ? sent_ : received_;
    if (writes && !readers_.empty()) {
      summary.latency_of = "end to end";
      summary.stats.requests = sent_.requests;
      summary.stats.errors = sent_.errors;
      summary.stats.first_error = sent_.first_error;
      const Histogram& acked = sent_.latency_ns;
      const auto text = [&](double percent) { return duration_text(Duration(static_cast<int64_t>(acked.percentile(percent)))); };
      summary.more.emplace_back("acknowledged", fmt::format("p50 {}   p99 {}   p99.9 {}", text(50), text(99), text(99.9)));
      const auto us = [&](double percent) { return static_cast<double>(acked.percentile(percent)) / 1e3; };
      summary.more_json.emplace_back("acknowledged_us", fmt::format("{{\"p50\":{:.1f},\"p99\":{:.1f},\"p99.9\":{:.1f}}}", us(50), us(99), us(99.9)));
    } else if (!writes) {
      summary.latency_of = "a fetch";
    }
    const MonoTime last = summary.stats.last > began_ ? summary.stats.last : ended_;
    summary.seconds = static_cast<double>((last - began_).count()) * 1e-9;
    summary.broker = cost_;
    summary.no_broker = watch_.is_empty() ? watch_.why() : "";
    summary.own_cpu_seconds = own_cpu_;
    if (plan_.is_out_of_numbers()) report(fmt::format("it ended after {} records: no more can be told apart", count_text(plan_.numbers_max)));
    const bool verifies = args_.verify || (writes && !readers_.empty());
    if (verifies && writes) summary.verdict = ledger_.verdict();
    const std::string out = args_.cluster.json ? summary_json(summary, what_) : summary_text(summary);
    std::fputs(out.c_str(), stdout);
    if (summary.verdict && !summary.verdict->holds()) {
      return fail(ErrorCode::kInternal, fmt::format("{} acknowledged records were lost, {} were read more than once", summary.verdict->lost, summary.verdict->repeated));
    }
    if (summary.stats.errors > 0) return fail(summary.stats.first_error->code(), fmt::format("{} records were refused: {}", summary.stats.errors, summary.stats.first_error->describe()));
    return {};
  }

  ClientContext& context_;
  BenchArgs args_;
  std::string what_;
  runtime::Executor& executor_;
  BenchTopic bench_;
  BrokerWatch watch_;
  std::optional<Payload> payload_;
  uint64_t run_id_ = 0;
  LoadPlan plan_;
  LoadStats sent_;
  LoadStats received_;
  Ledger ledger_;
  std::vector<std::unique_ptr<LoadWriter>> writers_;
  std::vector<std::unique_ptr<LoadReader>> readers_;
  runtime::StopSource writers_stop_;
  runtime::StopSource readers_stop_;
  runtime::TaskGroup running_;
  Progress progress_;
  MonoTime began_;
  MonoTime ended_;
  std::optional<BrokerCost> cost_;
  double own_cpu_ = 0;
};

Task<Result<void>> run_bench_produce(ClientContext& context, BenchArgs args) {
  Load load(context, std::move(args), "produce");
  co_return co_await load.run(true, false);
}

Task<Result<void>> run_bench_consume(ClientContext& context, BenchArgs args) {
  if (args.topic.empty()) co_return fail(ErrorCode::kInvalidArgument, "which topic? weir bench produce TOPIC fills one");
  Load load(context, std::move(args), "consume");
  co_return co_await load.run(false, true);
}

Task<Result<void>> run_bench_e2e(ClientContext& context, BenchArgs args) {
  Load load(context, std::move(args), "e2e");
  co_return co_await load.run(true, true);
}

}  // namespace

int bench_produce(const BenchArgs& args) { return run_client(args, args.cluster, &run_bench_produce, OnInterrupt::kStop); }
int bench_consume(const BenchArgs& args) { return run_client(args, args.cluster, &run_bench_consume, OnInterrupt::kStop); }
int bench_e2e(const BenchArgs& args) { return run_client(args, args.cluster, &run_bench_e2e, OnInterrupt::kStop); }

}  // namespace weir::cli
