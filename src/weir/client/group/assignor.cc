#include "weir/client/group/assignor.h"

#include <algorithm>

namespace weir::client::group {

namespace {

constexpr Assignor kAssignors[] = {
    {"range", false, &assign_range},
    {"roundrobin", false, &assign_round_robin},
    {"cooperative-sticky", true, &assign_cooperative_sticky},
};

// Kafka's order: members with an instance id first, by that id; the others by member id.
bool comes_before(const Candidate& a, const Candidate& b) {
  if (a.instance_id && b.instance_id) return *a.instance_id < *b.instance_id;
  if (a.instance_id || b.instance_id) return a.instance_id.has_value();
  return a.member_id < b.member_id;
}

bool subscribes(const Candidate& member, const std::string& topic) {
  return std::ranges::find(member.subscription.topics, topic) != member.subscription.topics.end();
}

Assignment empty_for(const std::vector<Candidate>& members) {
  Assignment assignment;
  for (const Candidate& member : members) assignment[member.member_id];
  return assignment;
}

}  // namespace

const Assignor* find_assignor(std::string_view name) {
  const auto* const found = std::ranges::find(kAssignors, name, &Assignor::name);
  return found == std::end(kAssignors) ? nullptr : found;
}

Assignment assign_range(std::vector<Candidate> members, const PartitionCounts& topics) {
  std::ranges::sort(members, comes_before);
  Assignment assignment = empty_for(members);
  for (const auto& [topic, partitions] : topics) {
    std::vector<const Candidate*> readers;
    for (const Candidate& member : members) {
      if (subscribes(member, topic)) readers.push_back(&member);
    }
    if (readers.empty()) continue;
    const auto count = static_cast<int32_t>(readers.size());
    int32_t next = 0;
    for (int32_t i = 0; i < count; ++i) {
      const int32_t share = partitions / count + (i < partitions % count ? 1 : 0);
      PartitionSet& mine = assignment[readers[static_cast<size_t>(i)]->member_id];
      for (int32_t taken = 0; taken < share; ++taken) mine.insert({topic, PartitionIndex(next++)});
    }
  }
  return assignment;
}

Assignment assign_round_robin(std::vector<Candidate> members, const PartitionCounts& topics) {
  std::ranges::sort(members, comes_before);
  Assignment assignment = empty_for(members);
  size_t turn = 0;
  for (const auto& [topic, partitions] : topics) {
    if (std::ranges::none_of(members, [&](const Candidate& member) { return subscribes(member, topic); })) continue;
    for (int32_t index = 0; index < partitions; ++index) {
      while (!subscribes(members[turn % members.size()], topic)) ++turn;
      assignment[members[turn++ % members.size()].member_id].insert({topic, PartitionIndex(index)});
    }
  }
  return assignment;
}

}  // namespace weir::client::group
