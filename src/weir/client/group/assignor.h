// Who of a group reads which partition: pure functions that the group's leader calls. The same members and topics give the
// same answer whatever their order.
//
// Holds    - every partition of a topic that somebody subscribes to goes to one subscriber, but for those that
//            cooperative-sticky holds back until their owner has let go
//          - nobody gets a partition of a topic that it did not subscribe to
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/client/group/subscription.h"

namespace weir::client::group {

struct Candidate {
  std::string member_id;
  std::optional<std::string> instance_id;
  Subscription subscription;
};
using PartitionCounts = std::map<std::string, int32_t>;       // topics that exist
using Assignment = std::map<std::string, PartitionSet>;       // by member id; every member has an entry

// Topic by topic, neighbours together: partition n of topics with equally many partitions goes to the same member.
Assignment assign_range(std::vector<Candidate> members, const PartitionCounts& topics);
// All partitions of all topics dealt out in turn.
Assignment assign_round_robin(std::vector<Candidate> members, const PartitionCounts& topics);
// As even as the subscriptions allow, then as little moved as that allows.
Assignment assign_sticky(std::vector<Candidate> members, const PartitionCounts& topics);
// The same; but what still belongs to another member is given to nobody. Its owner lets go and joins again, which makes the
// next assignment complete. KIP-429.
Assignment assign_cooperative_sticky(std::vector<Candidate> members, const PartitionCounts& topics);

struct Assignor {
  std::string_view name;  // Kafka's
  bool is_cooperative;
  Assignment (*assign)(std::vector<Candidate> members, const PartitionCounts& topics);
};
// Null when we do not know it. Known: range, roundrobin, cooperative-sticky.
const Assignor* find_assignor(std::string_view name);

}  // namespace weir::client::group
