#include "weir/cli/group_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/cli/partition_list.h"
#include "weir/cli/words.h"
#include "weir/client/admin_groups.h"

namespace weir::cli {

Task<Result<client::GroupDescription>> find_group(ClientContext& context, std::string name) {
  client::GroupAdmin admin(context.cluster);
  auto found = co_await admin.describe(name, context.patience());
  if (found || found.error().code() != ErrorCode::kGroupIdNotFound) co_return found;
  std::string sentence = fmt::format("group \"{}\" does not exist on {}", name, context.bootstrap);
  const auto groups = co_await admin.list(context.patience());
  std::vector<std::string> names;
  if (groups) for (const client::ListedGroup& group : *groups) names.push_back(group.name);
  const std::string nearest = nearest_word(name, names);
  if (!nearest.empty()) {
    const auto near = std::ranges::find(*groups, nearest, &client::ListedGroup::name);
    sentence += fmt::format("; nearest: \"{}\"{}", nearest, near->state.empty() ? "" : fmt::format(" ({})", near->state));
  } else {
    sentence += "\nweir group list shows what there is";
  }
  co_return fail(ErrorCode::kGroupIdNotFound, std::move(sentence));
}

Task<Result<client::PartitionSet>> find_partitions(ClientContext& context, std::vector<std::string> topics) {
  client::PartitionSet partitions;
  for (const std::string& text : topics) {
    const size_t colon = text.find(':');
    const std::string name = text.substr(0, colon);
    if (name.empty()) co_return fail(ErrorCode::kInvalidArgument, fmt::format("--topic \"{}\" is not of the form TOPIC or TOPIC:0,2-5", text));
    WEIR_CO_TRY(const client::TopicPtr topic, co_await find_topic(context, name));
    std::vector<std::string> lists;
    if (colon != std::string::npos) lists.push_back(text.substr(colon + 1));
    WEIR_CO_TRY(const std::vector<PartitionIndex> wanted, parse_partitions(lists, *topic));
    for (const PartitionIndex index : wanted) partitions.insert({name, index});
  }
  co_return partitions;
}

Error in_use_error(const client::GroupDescription& group, std::string_view undone) {
  return Error(ErrorCode::kNonEmptyGroup,
               fmt::format("group \"{}\" is in use ({}, {} member{}): {}\nstop its members first; weir group describe {} shows who they are",
                           group.name, group.state, group.members.size(), group.members.size() == 1 ? "" : "s", undone, group.name));
}

Task<std::map<client::PartitionKey, Offset>> offsets_at(ClientContext& context, client::PartitionSet partitions, int64_t timestamp) {
  std::map<client::PartitionKey, Offset> offsets;
  while (!partitions.empty()) {
    const std::string topic = partitions.begin()->topic;
    std::vector<PartitionIndex> indexes;
    while (!partitions.empty() && partitions.begin()->topic == topic) {
      indexes.push_back(partitions.begin()->index);
      partitions.erase(partitions.begin());
    }
    // A topic that is gone has no offsets; the group may still have a position in it.
    const auto known = co_await context.cluster.topic(topic, context.patience());
    if (!known) continue;
    std::erase_if(indexes, [&](PartitionIndex index) {
      const auto found = std::ranges::find((*known)->partitions, index, &client::Partition::index);
      return found == (*known)->partitions.end() || found->leader == kNoBroker;
    });
    if (indexes.empty()) continue;
    const auto found = co_await context.admin.list_offsets(topic, indexes, timestamp, context.patience());
    if (!found) continue;
    for (const client::PartitionOffset& one : *found) offsets[{topic, one.partition}] = one.offset;
  }
  co_return offsets;
}

std::string ranges_text(const std::vector<PartitionIndex>& partitions) {
  std::string text;
  for (size_t i = 0; i < partitions.size();) {
    size_t end = i + 1;
    while (end < partitions.size() && partitions[end] == partitions[end - 1].next()) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : " ", partitions[i]);
    if (end - i > 1) text += fmt::format("{}{}", end - i == 2 ? " " : "-", partitions[end - 1]);
    i = end;
  }
  return text;
}

std::string partitions_text(const client::PartitionSet& partitions) {
  std::map<std::string, std::vector<PartitionIndex>> topics;
  for (const client::PartitionKey& key : partitions) topics[key.topic].push_back(key.index);
  std::string text;
  for (const auto& [topic, indexes] : topics) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", topic, ranges_text(indexes));
  return text;
}

}  // namespace weir::cli
