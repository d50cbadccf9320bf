// Requests of consumer groups in whatever version a connection has drawn, for the simulator's members.
#pragma once

#include "client.h"
#include "group_member.h"
#include "weir/protocol/heartbeat.h"
#include "weir/protocol/join_group.h"
#include "weir/protocol/leave_group.h"
#include "weir/protocol/offset_commit.h"
#include "weir/protocol/offset_fetch.h"
#include "weir/protocol/sync_group.h"

namespace weir::sim {

struct Membership {
  std::string member_id;
  std::optional<std::string> instance_id;
  int32_t generation = -1;
};

protocol::JoinGroupRequest join_request(const WireClient& client, const GroupUnderTest& group, const Membership& who);
protocol::SyncGroupRequest sync_request(const WireClient& client, const GroupUnderTest& group, const Membership& who);
protocol::HeartbeatRequest heartbeat_request(const WireClient& client, const GroupUnderTest& group, const Membership& who);
protocol::LeaveGroupRequest leave_request(const WireClient& client, const GroupUnderTest& group, const Membership& who);
protocol::OffsetCommitRequest commit_request(const WireClient& client, const GroupUnderTest& group, const Membership& who,
                                             const Uuid& topic_id, const std::map<size_t, int64_t>& positions,
                                             GroupHistory::CommitNumber number);
protocol::OffsetFetchRequest fetch_request(const WireClient& client, const GroupUnderTest& group, const Uuid& topic_id,
                                           const std::vector<size_t>& partitions);

// What a commit carries in its metadata, so that the position says which one it is of; kNoCommit when the text is empty.
std::string commit_metadata(GroupHistory::CommitNumber number);
Result<GroupHistory::CommitNumber> commit_number_in(const std::string& metadata);

// Positions in the order asked. Errors: what the broker said; kMalformedFrame when the answer does not fit.
Result<std::vector<GroupPosition>> positions_in(const protocol::OffsetFetchResponse& answer, const std::vector<size_t>& partitions);
// The one code that an answer to a commit carries. Errors: kMalformedFrame.
Result<ErrorCode> code_of(const protocol::OffsetCommitResponse& answer, size_t partitions);
ErrorCode code_of(const protocol::LeaveGroupResponse& answer);

// A connection to the group's coordinator that knows the topic's id, or null.
runtime::Task<std::unique_ptr<WireClient>> connect_to_group(runtime::Environment env, GroupUnderTest* group, std::string client_id,
                                                            bool is_static, Uuid* topic_id);

}  // namespace weir::sim
