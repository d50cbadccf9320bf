// What a classic consumer group is between two events.
//
// Owner    GroupEntry of the coordinator; only machine.h changes it.
// Shard    the broker shard.
// Holds    - kEmpty: no members, no protocol; every other phase but kDead: at least one member, or ids that are pending
//          - leader is a member, or empty when there is none
//          - static_members maps each instance id to the member that has it now
//          - wake_at is at or before every deadline in the group: a tick then finds what is due
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/time.h"

namespace weir::coordinator::group {

enum class Phase : uint8_t { kEmpty, kPreparingRebalance, kCompletingRebalance, kStable, kDead };

// Kafka's word for it, as DescribeGroups and ListGroups say it.
std::string_view name_of(Phase phase);

// Names a parked request; the driver knows who waits for it.
using Token = uint64_t;
inline constexpr Token kNoToken = 0;

struct Protocol {
  std::string name;
  SharedBytes metadata;  // opaque; the subscription of a consumer
  friend bool operator==(const Protocol& a, const Protocol& b) { return a.name == b.name && equal(a.metadata, b.metadata); }
};

struct Member {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  int32_t rebalance_timeout_ms = 0;
  int32_t session_timeout_ms = 0;
  std::vector<Protocol> protocols;  // in the member's order of preference
  SharedBytes assignment;
  Token join = kNoToken;            // its parked JoinGroup
  Token sync = kNoToken;            // its parked SyncGroup
  bool is_new = false;              // has not been in a generation yet
  MonoTime deadline = kFarFuture;   // of its session

  // nullptr when it does not know the protocol.
  const Protocol* protocol(std::string_view name) const {
    for (const Protocol& known : protocols) {
      if (known.name == name) return &known;
    }
    return nullptr;
  }
};

// A record of the group that was appended and is not committed yet, and what follows when it is.
struct PendingWrite {
  enum class Kind : uint8_t { kAssignment, kStaticMember };
  uint64_t id = 0;
  Kind kind = Kind::kAssignment;
  int32_t generation = 0;
  std::map<std::string, SharedBytes> assignments;  // kAssignment
  std::string member_id;                           // kStaticMember: the new id,
  std::string former_id;                           // and the one that it replaces
  bool can_skip_assignment = false;                // kStaticMember: the client knows JoinGroup 9
};

struct GroupState {
  std::string id;
  Phase phase = Phase::kEmpty;
  TimestampMs phase_since_ms = kNoTimestamp;  // wall clock, goes into the record
  int32_t generation = 0;
  std::optional<std::string> protocol_type;  // none: nobody ever joined
  std::optional<std::string> protocol;       // chosen for this generation
  std::string leader;
  std::map<std::string, Member, std::less<>> members;
  std::map<std::string, std::string, std::less<>> static_members;
  std::map<std::string, MonoTime, std::less<>> pending_members;  // ids given out that did not join yet, and until when
  std::map<std::string, size_t, std::less<>> protocol_support;   // how many members know each protocol
  std::set<std::string, std::less<>> awaited_syncs;              // members of this generation that did not sync yet
  size_t parked_joins = 0;
  bool member_added = false;          // during the initial delay
  bool in_initial_delay = false;
  int64_t initial_remaining_ms = 0;   // how far the initial delay may still be extended
  MonoTime rebalance_at = kFarFuture; // the end of the join phase, or of the initial delay
  MonoTime sync_by = kFarFuture;      // who did not sync by then is removed
  std::optional<PendingWrite> write;
  uint64_t writes = 0;                // ids of writes given out
  MonoTime wake_at = kFarFuture;

  bool is_static(std::string_view instance_id) const { return static_members.contains(instance_id); }
  bool uses_consumer_protocol() const { return protocol_type == "consumer"; }
  const Member* member(std::string_view member_id) const {
    const auto found = members.find(member_id);
    return found == members.end() ? nullptr : &found->second;
  }
};

}  // namespace weir::coordinator::group
