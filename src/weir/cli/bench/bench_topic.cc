#include "weir/cli/bench/bench_topic.h"

#include <fmt/format.h>

#include "weir/cli/words.h"

namespace weir::cli {

Task<Result<BenchTopic>> open_bench_topic(ClientContext& context, const BenchArgs& args) {
  BenchTopic bench;
  std::string name = args.topic;
  if (name.empty()) {
    name = fmt::format("weir-bench-{:08x}", static_cast<uint32_t>(context.env.random.word()));
    client::NewTopic wanted{.name = name, .partitions = args.partitions, .replication_factor = args.replicas};
    for (const std::string& text : args.configs) {
      WEIR_CO_TRY(auto pair, parse_pair(text));
      wanted.configs.push_back(std::move(pair));
    }
    WEIR_CO_CHECK(co_await context.admin.create_topic(std::move(wanted), false, context.patience()));
    bench.is_ours = true;
  }
  for (;;) {
    const auto topic = co_await context.cluster.topic(name, context.patience());
    if (!topic && !bench.is_ours) {
      Error explained = co_await explain_topic_error(context, name, topic.error());
      co_return fail(std::move(explained));
    }
    if (topic) {
      auto starts = co_await context.admin.list_offsets(name, {}, client::kEarliest, context.patience());
      auto ends = starts ? co_await context.admin.list_offsets(name, {}, client::kLatest, context.patience()) : starts;
      if (!ends) co_return fail(ends.error());
      // The leaders as they are now that every partition has answered.
      context.cluster.forget(name);
      WEIR_CO_TRY(bench.topic, co_await context.cluster.topic(name, context.patience()));
      bench.starts = std::move(*starts);
      bench.ends = std::move(*ends);
      if (bench.topic->partitions.size() == bench.starts.size()) co_return bench;
    }
    WEIR_CO_CHECK(co_await sleep_until(context.env.executor, context.env.executor.now() + 50ms, context.stop));
  }
}

Task<void> drop_bench_topic(ClientContext& context, const BenchArgs& args, const BenchTopic& topic) {
  if (!topic.is_ours || args.keep) co_return;
  const client::Patience patience{Deadline::at(context.env.executor.now() + 10s), {}};  // after Ctrl-C too
  const auto gone = co_await context.admin.delete_topic(topic.topic->name, patience);
  if (!gone) report_warning(fmt::format("topic {} was made for this run and is still there: {}", topic.topic->name, gone.error().describe()));
}

}  // namespace weir::cli
