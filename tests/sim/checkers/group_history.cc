#include "checkers/group_history.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::sim {

void GroupHistory::violate(const char* checker, std::string message) {
  if (!violation_) violation_ = Violation{checker, std::move(message)};
}

void GroupHistory::assigned(int32_t generation, const std::string& who, std::span<const size_t> partitions) {
  ++assignments_;
  for (const size_t index : partitions) {
    const auto [owner, is_first] = partitions_[index].owners.try_emplace(generation, who);
    if (owner->second == who) continue;
    violate("double-owner", fmt::format("partition {} was given to {} and to {} in generation {}", index, owner->second, who, generation));
  }
}

void GroupHistory::committed(size_t index, int64_t offset, int64_t floor) {
  ++commits_;
  Partition& partition = partitions_[index];
  if (offset < floor) {
    violate("commit-regress", fmt::format("partition {}: a commit of {} was accepted after {}", index, offset, floor));
  }
  if (offset <= partition.floor && partition.floor_acknowledged) return;
  partition.floor = std::max(partition.floor, offset);
  partition.floor_acknowledged = true;
}

void GroupHistory::fetched(size_t index, int64_t offset, int64_t floor, int32_t generation) {
  Partition& partition = partitions_[index];
  floor = std::min(floor, partition.floor);  // a commit that came true late may have lowered it since the question
  if (offset >= 0 && !partition.tried.contains(offset)) {
    violate("invented-commit", fmt::format("partition {}: {} came back, which nobody committed", index, offset));
  }
  const auto late = partition.under_way.lower_bound({offset, INT32_MIN});
  const bool came_late = late != partition.under_way.end() && late->first == offset;
  std::erase_if(partition.under_way, [&](const auto& one) { return one.second < generation; });
  if (offset < partition.floor && came_late) {
    ++late_commits_;
    partition.floor = offset;
    return;
  }
  if (offset < floor) {
    violate(partition.floor_acknowledged ? "lost-commit" : "commit-regress",
            fmt::format("partition {}: {} came back, and {} had been {}", index, offset, floor,
                        partition.floor_acknowledged ? "acknowledged" : "there before"));
  }
  if (offset <= partition.floor) return;
  partition.floor = offset;
  partition.floor_acknowledged = false;
}

void GroupHistory::read_all(size_t index, std::span<const int64_t> there) {
  const Partition& partition = partitions_[index];
  for (const int64_t offset : there) {
    if (offset >= partition.floor || partition.read.contains(offset)) continue;
    return violate("unread-record", fmt::format("partition {}: the group is at {} and nobody read {}", index, partition.floor, offset));
  }
}

}  // namespace weir::sim
