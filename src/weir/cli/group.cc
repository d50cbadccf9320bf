// weir group: list, describe, delete. reset is in group_reset.cc.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/amounts.h"
#include "weir/cli/group_command.h"
#include "weir/cli/json_text.h"
#include "weir/cli/table.h"
#include "weir/cli/text_width.h"
#include "weir/client/admin_groups.h"

namespace weir::cli {

using client::Committed;
using client::GroupDescription;
using client::PartitionKey;

namespace {

constexpr size_t kMemberIdDigits = 8;  // of the random part, shown
constexpr std::string_view kNothing = "-";

// What a group has read of one partition.
struct Progressed {
  std::optional<Committed> committed;
  std::optional<Offset> end;
  const client::GroupMember* member = nullptr;

  std::optional<int64_t> lag() const {
    if (!committed || !end) return std::nullopt;
    return std::max<int64_t>(0, *end - committed->offset);
  }
};
using Progresses = std::map<PartitionKey, Progressed>;

// Long enough to tell members apart: an instance id, or the client id and the beginning of what is random.
std::string name_of_member(const client::GroupMember& member) {
  if (member.instance_id) return printable(*member.instance_id);
  const size_t client = member.id.starts_with(member.client_id + "-") ? member.client_id.size() + 1 : 0;
  return printable(client > 0 ? member.id.substr(0, client + kMemberIdDigits) : member.client_id.empty() ? member.id : member.client_id);
}

template <typename Value>
std::string or_nothing(const std::optional<Value>& value) {
  return value ? fmt::to_string(*value) : std::string(kNothing);
}
template <typename Value>
std::string or_null(const std::optional<Value>& value) {
  return value ? fmt::to_string(*value) : "null";
}

Task<Result<void>> run_group_list(ClientContext& context, GroupArgs args) {
  client::GroupAdmin admin(context.cluster);
  WEIR_CO_TRY(const std::vector<client::ListedGroup> groups, co_await admin.list(context.patience()));
  Table table({"GROUP", "STATE", "TYPE", "PROTOCOL", ">COORDINATOR"});
  for (const client::ListedGroup& group : groups) {
    if (!args.states.empty() && std::ranges::find(args.states, group.state) == args.states.end()) continue;
    if (args.cluster.json) {
      fmt::print("{{\"group\":{},\"state\":{},\"type\":{},\"protocol\":{},\"coordinator\":{}}}\n", json_string(group.name), json_string(group.state),
                 json_string(group.type), json_string(group.protocol_type), group.coordinator);
      continue;
    }
    const auto word = [](const std::string& text) { return text.empty() ? std::string(kNothing) : printable(text); };
    table.add({printable(group.name), word(group.state), word(group.type), word(group.protocol_type), fmt::to_string(group.coordinator)});
  }
  if (!args.cluster.json) table.print();
  co_return Result<void>();
}

Task<Result<Progresses>> progress_of(ClientContext& context, const GroupDescription& group) {
  client::GroupAdmin admin(context.cluster);
  WEIR_CO_TRY(const client::CommittedOffsets committed, co_await admin.offsets(group.name, context.patience()));
  Progresses progresses;
  for (const auto& [key, position] : committed) progresses[key].committed = position;
  for (const client::GroupMember& member : group.members) {
    for (const PartitionKey& key : member.assigned) progresses[key].member = &member;
  }
  client::PartitionSet partitions;
  for (const auto& [key, progress] : progresses) partitions.insert(key);
  const auto ends = co_await offsets_at(context, std::move(partitions), client::kLatest);
  for (auto& [key, progress] : progresses) {
    const auto end = ends.find(key);
    if (end != ends.end()) progress.end = end->second;
  }
  co_return progresses;
}

int64_t lag_of(const Progresses& progresses, const client::GroupMember* member) {
  int64_t lag = 0;
  for (const auto& [key, progress] : progresses) {
    if (member == nullptr || progress.member == member) lag += progress.lag().value_or(0);
  }
  return lag;
}

void print_group(const GroupDescription& group, const Progresses& progresses) {
  const size_t count = group.members.size();
  const std::string protocol = group.protocol.empty() ? "" : ", " + printable(group.protocol);
  fmt::print("group {}\nstate {}, {} member{}{}\ncoordinator {}\nlag {}\n", printable(group.name), group.state, count, count == 1 ? "" : "s", protocol,
             group.coordinator.text(), count_text(static_cast<uint64_t>(lag_of(progresses, nullptr))));
  if (!group.members.empty()) {
    Table members({"MEMBER", "HOST", ">PARTITIONS", ">LAG", "ASSIGNED"});
    for (const client::GroupMember& member : group.members) {
      members.add({name_of_member(member), printable(member.host), fmt::to_string(member.assigned.size()), fmt::to_string(lag_of(progresses, &member)),
                   printable(partitions_text(member.assigned))});
    }
    fmt::print("\n");
    members.print();
  }
  if (progresses.empty()) return;
  Table partitions({"TOPIC", ">PARTITION", ">COMMITTED", ">END", ">LAG", "MEMBER"});
  for (const auto& [key, progress] : progresses) {
    const std::optional<Offset> committed = progress.committed ? std::optional(progress.committed->offset) : std::nullopt;
    partitions.add({printable(key.topic), fmt::to_string(key.index), or_nothing(committed), or_nothing(progress.end), or_nothing(progress.lag()),
                    progress.member == nullptr ? std::string(kNothing) : name_of_member(*progress.member)});
  }
  fmt::print("\n");
  partitions.print();
}

void print_group_json(const GroupDescription& group, const Progresses& progresses) {
  std::string members;
  for (const client::GroupMember& member : group.members) {
    std::string assigned;
    for (const PartitionKey& key : member.assigned) {
      assigned += fmt::format("{}{{\"topic\":{},\"partition\":{}}}", assigned.empty() ? "" : ",", json_string(key.topic), key.index);
    }
    members += fmt::format("{}{{\"member\":{},\"instance\":{},\"client\":{},\"host\":{},\"lag\":{},\"assigned\":[{}]}}", members.empty() ? "" : ",",
                           json_string(member.id), member.instance_id ? json_string(*member.instance_id) : "null", json_string(member.client_id),
                           json_string(member.host), lag_of(progresses, &member), assigned);
  }
  std::string partitions;
  for (const auto& [key, progress] : progresses) {
    const std::optional<Offset> committed = progress.committed ? std::optional(progress.committed->offset) : std::nullopt;
    partitions += fmt::format("{}{{\"topic\":{},\"partition\":{},\"committed\":{},\"metadata\":{},\"end\":{},\"lag\":{},\"member\":{}}}",
                              partitions.empty() ? "" : ",", json_string(key.topic), key.index, or_null(committed),
                              progress.committed ? json_string(progress.committed->metadata) : "null", or_null(progress.end), or_null(progress.lag()),
                              progress.member == nullptr ? "null" : json_string(progress.member->id));
  }
  fmt::print("{{\"group\":{},\"state\":{},\"type\":{},\"protocol\":{},\"coordinator\":{},\"lag\":{},\"members\":[{}],\"partitions\":[{}]}}\n",
             json_string(group.name), json_string(group.state), json_string(group.type), json_string(group.protocol),
             json_string(group.coordinator.text()), lag_of(progresses, nullptr), members, partitions);
}

Task<Result<void>> run_group_describe(ClientContext& context, GroupArgs args) {
  bool first = true;
  for (const std::string& name : args.names) {
    WEIR_CO_TRY(const GroupDescription group, co_await find_group(context, name));
    WEIR_CO_TRY(const Progresses progresses, co_await progress_of(context, group));
    if (!first && !args.cluster.json) fmt::print("\n");
    first = false;
    if (args.cluster.json) print_group_json(group, progresses);
    else print_group(group, progresses);
  }
  co_return Result<void>();
}

// Only the positions in some topics.
Task<Result<void>> delete_positions(ClientContext& context, std::string name, GroupArgs args) {
  client::GroupAdmin admin(context.cluster);
  WEIR_CO_TRY(const client::PartitionSet partitions, co_await find_partitions(context, args.topics));
  const Result<void> gone = co_await admin.remove_offsets(name, partitions, context.patience());
  if (!gone && gone.error().code() == ErrorCode::kGroupSubscribedToTopic) {
    co_return fail(gone.error().code(), fmt::format("group \"{}\" still reads that topic: {}\nstop its members first; weir group describe {} shows who they are",
                                                    name, gone.error().message(), name));
  }
  WEIR_CO_CHECK(Result<void>(gone));
  if (args.cluster.json) fmt::print("{{\"group\":{},\"positions_deleted\":{}}}\n", json_string(name), partitions.size());
  else fmt::print("deleted {} position{} of group {}\n", partitions.size(), partitions.size() == 1 ? "" : "s", printable(name));
  co_return Result<void>();
}

Task<Result<void>> run_group_delete(ClientContext& context, GroupArgs args) {
  client::GroupAdmin admin(context.cluster);
  for (const std::string& name : args.names) {
    WEIR_CO_TRY(const GroupDescription group, co_await find_group(context, name));
    if (!args.topics.empty()) {
      WEIR_CO_CHECK(co_await delete_positions(context, name, args));
      continue;
    }
    if (group.is_in_use()) co_return fail(in_use_error(group, "it was not deleted"));
    const Result<void> gone = co_await admin.remove(name, context.patience());
    if (!gone && gone.error().code() == ErrorCode::kNonEmptyGroup) co_return fail(in_use_error(group, "it was not deleted"));
    WEIR_CO_CHECK(Result<void>(gone));
    if (args.cluster.json) fmt::print("{{\"group\":{},\"deleted\":true}}\n", json_string(name));
    else fmt::print("deleted group {}\n", printable(name));
  }
  co_return Result<void>();
}

}  // namespace

int group_list(const GroupArgs& args) { return run_client(args, args.cluster, &run_group_list); }
int group_describe(const GroupArgs& args) { return run_client(args, args.cluster, &run_group_describe); }
int group_delete(const GroupArgs& args) { return run_client(args, args.cluster, &run_group_delete); }

}  // namespace weir::cli
