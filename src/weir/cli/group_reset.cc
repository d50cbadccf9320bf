// weir group reset: where a group goes on. Shows the plan; does it with --execute.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/group_command.h"
#include "weir/cli/json_text.h"
#include "weir/cli/table.h"
#include "weir/cli/text_width.h"
#include "weir/cli/units.h"
#include "weir/cli/when.h"
#include "weir/client/admin_groups.h"

namespace weir::cli {

using client::CommittedOffsets;
using client::PartitionKey;
using client::PartitionSet;

namespace {

struct Move {
  std::optional<Offset> from;
  Offset to;
};
using Moves = std::map<PartitionKey, Move>;

Result<void> check_target(const GroupArgs& args) {
  const int given = (args.to_earliest ? 1 : 0) + (args.to_latest ? 1 : 0) + (args.to_offset ? 1 : 0) + (args.shift_by ? 1 : 0) +
                    (args.to_datetime ? 1 : 0) + (args.by_duration ? 1 : 0);
  if (given == 1) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} of --to-earliest, --to-latest, --to-offset, --shift-by, --to-datetime and --by-duration is wanted\n"
                          "weir group reset --help explains them",
                          given == 0 ? "one" : "only one"));
}

// Milliseconds since 1970, when the target is a time.
Result<std::optional<int64_t>> target_time(const GroupArgs& args, int64_t now_ms) {
  if (args.to_datetime) {
    const auto when = parse_when("--to-datetime", *args.to_datetime, now_ms);
    if (when && when->kind == When::Kind::kTime) return std::optional(when->value);
    return fail(ErrorCode::kInvalidArgument, fmt::format("--to-datetime \"{}\" is no point in time; like 2026-11-28T03:00:00 (UTC), "
                                                         "2026-11-28T04:00:00+01:00 or @1795834800000",
                                                         *args.to_datetime));
  }
  if (!args.by_duration) return std::optional<int64_t>();
  WEIR_TRY(const int64_t ago_ms, parse_timespan(*args.by_duration));
  return std::optional(std::max<int64_t>(0, now_ms - ago_ms));
}

Task<Result<Moves>> plan(ClientContext& context, GroupArgs args, PartitionSet partitions, CommittedOffsets committed) {
  WEIR_CO_TRY(const std::optional<int64_t> time_ms, target_time(args, context.env.clock.wall_ms()));
  const auto starts = co_await offsets_at(context, partitions, client::kEarliest);
  const auto ends = co_await offsets_at(context, partitions, client::kLatest);
  std::map<PartitionKey, Offset> found;
  if (time_ms) found = co_await offsets_at(context, partitions, *time_ms);
  Moves moves;
  for (const PartitionKey& key : partitions) {
    const auto start = starts.find(key);
    const auto end = ends.find(key);
    if (start == starts.end() || end == ends.end()) {
      co_return fail(ErrorCode::kUnknownTopicOrPartition,
                     fmt::format("{}-{} does not exist or has no leader: nothing was changed\n--topic names what to reset", key.topic, key.index));
    }
    Move& move = moves[key];
    const auto position = committed.find(key);
    if (position != committed.end()) move.from = position->second.offset;
    int64_t to = end->second.value();
    if (args.to_earliest) to = start->second.value();
    if (args.to_offset) to = *args.to_offset;
    if (args.shift_by) {
      if (!move.from) {
        co_return fail(ErrorCode::kInvalidArgument,
                       fmt::format("the group has no position in {}-{} that could be shifted: nothing was changed", key.topic, key.index));
      }
      if (__builtin_add_overflow(move.from->value(), *args.shift_by, &to)) to = *args.shift_by < 0 ? 0 : INT64_MAX;
    }
    // No record that young: the end.
    if (const auto at = found.find(key); at != found.end() && at->second >= Offset(0)) to = at->second.value();
    move.to = Offset(std::clamp(to, start->second.value(), end->second.value()));
  }
  co_return moves;
}

void print_plan(const Moves& moves, const GroupArgs& args) {
  Table table({"TOPIC", ">PARTITION", ">COMMITTED", ">NEW", ">BY"});
  for (const auto& [key, move] : moves) {
    const std::string from = move.from ? fmt::to_string(*move.from) : "-";
    if (args.cluster.json) {
      fmt::print("{{\"group\":{},\"topic\":{},\"partition\":{},\"committed\":{},\"new\":{},\"executed\":{}}}\n", json_string(args.names.front()),
                 json_string(key.topic), key.index, move.from ? from : "null", move.to, args.execute);
      continue;
    }
    table.add({printable(key.topic), fmt::to_string(key.index), from, fmt::to_string(move.to), move.from ? fmt::format("{:+}", move.to - *move.from) : "-"});
  }
  if (!args.cluster.json) table.print();
}

Task<Result<void>> run_group_reset(ClientContext& context, GroupArgs args) {
  WEIR_CO_CHECK(check_target(args));
  const std::string name = args.names.front();
  client::GroupAdmin admin(context.cluster);
  WEIR_CO_TRY(PartitionSet partitions, co_await find_partitions(context, args.topics));
  // With topics named, a group that does not exist yet may be given positions.
  std::optional<client::GroupDescription> group;
  auto described = co_await admin.describe(name, context.patience());
  if (described) {
    group = std::move(*described);
  } else if (described.error().code() != ErrorCode::kGroupIdNotFound) {
    co_return fail(described.error());
  } else if (args.topics.empty()) {
    WEIR_CO_TRY(group, co_await find_group(context, name));
  }
  if (group && group->is_in_use() && args.execute) co_return fail(in_use_error(*group, "its positions were not changed"));
  WEIR_CO_TRY(const CommittedOffsets committed, co_await admin.offsets(name, context.patience()));
  if (args.topics.empty()) {
    for (const auto& [key, position] : committed) partitions.insert(key);
  }
  if (partitions.empty()) {
    co_return fail(ErrorCode::kNotFound, fmt::format("group \"{}\" has no positions: name topics with --topic", name));
  }
  WEIR_CO_TRY(const Moves moves, co_await plan(context, args, partitions, committed));
  if (args.execute) {
    CommittedOffsets wanted;
    for (const auto& [key, move] : moves) wanted[key].offset = move.to;
    const Result<void> stored = co_await admin.set_offsets(name, std::move(wanted), context.patience());
    if (!stored && stored.error().code() == ErrorCode::kUnknownMemberId && group) {  // somebody joined meanwhile
      co_return fail(in_use_error(*group, "its positions were not changed"));
    }
    WEIR_CO_CHECK(Result<void>(stored));
  }
  print_plan(moves, args);
  if (args.cluster.json) co_return Result<void>();
  if (args.execute) fmt::print("set {} position{} of group {}\n", moves.size(), moves.size() == 1 ? "" : "s", printable(name));
  else if (group && group->is_in_use()) fmt::print("nothing is changed: the group is in use; stop its members, then use --execute\n");
  else fmt::print("nothing is changed yet: the same with --execute does it\n");
  co_return Result<void>();
}

}  // namespace

int group_reset(const GroupArgs& args) { return run_client(args, args.cluster, &run_group_reset); }

}  // namespace weir::cli
