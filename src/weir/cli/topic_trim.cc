// weir topic delete-records: what lies before an offset or a time goes.
#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/client_command.h"
#include "weir/cli/json_text.h"
#include "weir/cli/partition_list.h"
#include "weir/cli/table.h"
#include "weir/cli/when.h"

namespace weir::cli {

namespace {

Task<Result<void>> run_delete_records(ClientContext& context, TopicArgs args) {
  const std::string& name = args.names.front();
  WEIR_CO_TRY(const When before, parse_when("--before", args.before, context.env.clock.wall_ms()));
  WEIR_CO_TRY(const client::TopicPtr topic, co_await find_topic(context, name));
  WEIR_CO_TRY(const std::vector<PartitionIndex> partitions, parse_partitions(args.of, *topic));
  WEIR_CO_TRY(const auto starts, co_await context.admin.list_offsets(name, partitions, client::kEarliest, context.patience()));
  WEIR_CO_TRY(const auto ends, co_await context.admin.list_offsets(name, partitions, client::kLatest, context.patience()));
  std::vector<client::PartitionOffset> at_time = ends;
  if (before.kind == When::Kind::kTime) {
    WEIR_CO_TRY(at_time, co_await context.admin.list_offsets(name, partitions, before.value, context.patience()));
  }
  if (starts.size() != ends.size() || at_time.size() != ends.size()) co_return fail(ErrorCode::kLeaderNotAvailable, fmt::format("topic \"{}\": not every partition has answered", name));
  std::map<PartitionIndex, Offset> targets;
  for (size_t i = 0; i < ends.size(); ++i) {
    Offset target = ends[i].offset;
    switch (before.kind) {
      case When::Kind::kBeginning: target = starts[i].offset; break;
      case When::Kind::kEnd: break;
      case When::Kind::kOffset: target = Offset(before.value); break;
      case When::Kind::kLast: target = Offset(std::max<int64_t>(0, target.value() - std::min(target.value(), before.value))); break;
      case When::Kind::kTime: target = at_time[i].offset < Offset(0) ? target : at_time[i].offset; break;
    }
    // What is gone already, or not there yet, is no error.
    target = std::clamp(target, starts[i].offset, ends[i].offset);
    if (target > starts[i].offset) targets[ends[i].partition] = target;
  }
  std::vector<client::PartitionOffset> now;
  if (!targets.empty()) {
    auto moved = co_await context.admin.delete_records(name, targets, context.patience());
    if (!moved) {
      Error explained = co_await explain_topic_error(context, name, moved.error());
      co_return fail(std::move(explained));
    }
    now = std::move(*moved);
  }
  Table table({">PARTITION", ">START", ">END", ">DELETED"});
  int64_t deleted = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    const auto found = std::ranges::find(now, ends[i].partition, &client::PartitionOffset::partition);
    const Offset start = found == now.end() ? starts[i].offset : found->offset;
    deleted += start - starts[i].offset;
    if (args.cluster.json) {
      fmt::print("{{\"topic\":{},\"partition\":{},\"start\":{},\"end\":{},\"deleted\":{}}}\n", json_string(name), ends[i].partition, start, ends[i].offset, start - starts[i].offset);
    } else {
      table.add({fmt::to_string(ends[i].partition), fmt::to_string(start), fmt::to_string(ends[i].offset), fmt::to_string(start - starts[i].offset)});
    }
  }
  if (args.cluster.json) co_return Result<void>();
  table.print();
  fmt::print("deleted {} record{} of topic {}\n", deleted, deleted == 1 ? "" : "s", name);
  co_return Result<void>();
}

}  // namespace

int topic_delete_records(const TopicArgs& args) { return run_client(args, args.cluster, &run_delete_records); }

}  // namespace weir::cli
