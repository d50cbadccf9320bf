// A member of a consumer group in the simulator: joins, leads when it is told to, reads what it owns from the committed
// position on, commits, leaves, and comes back. There are two: raw wire bytes in drawn versions, and our own client.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "checkers/group_history.h"
#include "workload.h"

namespace weir::sim {

// What the members of one group share.
struct GroupUnderTest {
  std::string name;
  Topic* topic = nullptr;
  GroupHistory* history = nullptr;
  int32_t session_timeout_ms = 6'000;
  int32_t rebalance_timeout_ms = 4'000;
  std::vector<std::string> assignors;  // of our client
  std::function<void(const char*)> reached;
};

// One member as the scenario sees it; survives the crash of its machine.
struct GroupMemberState {
  std::string client_id;
  std::optional<std::string> instance_id;
  bool wants_to_leave = false;  // leaves at its next step, and joins again after a while
};

// Until its machine crashes or the run ends.
runtime::Task<void> take_part(runtime::Environment env, GroupUnderTest* group, GroupMemberState* state);
runtime::Task<void> take_part_by_client(runtime::Environment env, GroupUnderTest* group, GroupMemberState* state);

// A committed position; -1 for none.
struct GroupPosition {
  int64_t offset = -1;
  GroupHistory::CommitNumber commit = GroupHistory::kNoCommit;
};
// Of every partition.
runtime::Task<Result<std::vector<GroupPosition>>> committed_positions(runtime::Environment env, GroupUnderTest* group);

}  // namespace weir::sim
