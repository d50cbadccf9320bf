// weir bench connections: what an idle connection costs a broker.
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/amounts.h"
#include "weir/cli/bench/bench_topic.h"
#include "weir/cli/bench/broker_watch.h"
#include "weir/cli/bench/summary.h"
#include "weir/cli/json_text.h"
#include "weir/cli/process_stats.h"
#include "weir/cli/progress.h"

namespace weir::cli {

namespace {

constexpr uint32_t kOpeningMax = 64;
constexpr Duration kSettle = 500ms;

struct Opening {
  std::vector<client::ConnectionPtr> open;
  std::optional<Error> error;
  uint32_t begun = 0;
};

Task<void> open_some(ClientContext* context, runtime::TaskGroup* loops, Opening* opening, uint32_t wanted) {
  const runtime::Endpoint to = context->cluster.brokers().front().endpoint;
  while (!opening->error && !context->stop.stop_requested() && opening->begun < wanted) {
    ++opening->begun;
    auto connection = co_await rpc::Connection::open(context->env, *loops, to, {.client_id = "weir-bench"}, context->patience());
    if (connection) opening->open.push_back(std::move(*connection));
    else if (!opening->error) opening->error = connection.error();
  }
}

Task<Result<void>> run_bench_connections(ClientContext& context, BenchArgs args) {
  WEIR_CO_CHECK(co_await context.cluster.all_topics(context.patience()));
  WEIR_CO_TRY(BrokerWatch watch, BrokerWatch::find(args.pid, {context.cluster.brokers().front().endpoint}));
  runtime::Executor& executor = context.env.executor;
  Progress progress;
  Opening opening;
  runtime::TaskGroup loops(executor);
  runtime::TaskGroup openers(executor);
  watch.begin();
  const uint64_t before = watch.resident();
  const MonoTime began = executor.now();
  for (uint32_t i = 0; i < kOpeningMax; ++i) openers.spawn(&open_some, &context, &loops, &opening, args.idle_count);
  while (!openers.empty()) {
    progress.show({.what = "connections", .done = opening.open.size(), .total = args.idle_count, .elapsed = executor.now() - began}, executor.now());
    (void)co_await openers.join(Deadline::at(executor.now() + 100ms));
  }
  const Duration opened_in = executor.now() - began;
  const auto opened = opening.open.size();
  (void)co_await sleep_until(executor, executor.now() + kSettle, context.stop);
  const auto to_open = watch.end();
  // What they cost while nothing happens on them.
  watch.begin();
  const MonoTime idle_began = executor.now();
  (void)co_await sleep_until(executor, idle_began + Duration(args.hold_ms * 1'000'000), context.stop);
  const double held = static_cast<double>((executor.now() - idle_began).count()) * 1e-9;
  const auto idle = watch.end();
  progress.finish();
  size_t alive = 0;
  for (const client::ConnectionPtr& connection : opening.open) {
    alive += connection->is_open() ? 1 : 0;
    connection->close();
  }
  (void)co_await loops.join();
  const double grown = to_open ? static_cast<double>(to_open->resident_bytes) - static_cast<double>(before) : 0;
  const double each = opened > 0 ? grown / static_cast<double>(opened) : 0;
  if (args.cluster.json) {
    std::string text = fmt::format("{{\"command\":\"connections\",\"asked\":{},\"opened\":{},\"alive_at_end\":{},\"seconds\":{:.4f}", args.idle_count, opened, alive,
                                   static_cast<double>(opened_in.count()) * 1e-9);
    if (to_open && idle) {
      text += fmt::format(",\"broker\":{{\"process\":{},\"resident_before_bytes\":{},\"resident_bytes\":{},\"bytes_per_connection\":{:.0f},\"descriptors\":{},"
                          "\"cpu_seconds_to_open\":{:.2f},\"idle_seconds\":{:.2f},\"idle_cpu_seconds\":{:.2f}}}",
                          json_string(to_open->name), before, to_open->resident_bytes, each, to_open->descriptors, to_open->cpu_seconds, held, idle->cpu_seconds);
    }
    fmt::print("{}}}\n", text);
  } else {
    fmt::print("connections: {} of {} opened on {} in {}, {} alive after {:.1f} s\n", count_text(opened), count_text(args.idle_count), context.bootstrap,
               duration_text(opened_in), count_text(alive), held);
    if (to_open && idle) {
      fmt::print("{:<13} {}: {} before, {} with them: {} a connection\n", "broker", to_open->name, bytes_text(static_cast<double>(before)),
                 bytes_text(static_cast<double>(to_open->resident_bytes)), bytes_text(each));
      fmt::print("{:<13} {:.2f} s CPU to open them, {:.2f} s CPU in {:.1f} s of idleness, {} descriptors\n", "", to_open->cpu_seconds, idle->cpu_seconds, held,
                 count_text(to_open->descriptors));
    } else {
      fmt::print("{:<13} {}\n", "broker", watch.why());
    }
  }
  if (opening.error && !context.stop.stop_requested()) co_return fail(opening.error->within(fmt::format("connection {}", opened + 1)));
  co_return Result<void>();
}

}  // namespace

int bench_connections(const BenchArgs& args) {
  const Result<void> room = make_room_for_connections(args.idle_count);
  if (!room) {
    report(room.error());
    return kUsage;
  }
  return run_client(args, args.cluster, &run_bench_connections, OnInterrupt::kStop);
}

}  // namespace weir::cli
