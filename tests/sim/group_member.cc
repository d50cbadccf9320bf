#include "group_member.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "group_wire.h"
#include "weir/protocol/fetch.h"
#include "weir/runtime/sim/core.h"
#include "workload_inner.h"

namespace weir::sim {

using runtime::Environment;
using runtime::Task;

namespace {

constexpr int32_t kFetchWaitMs = 150;
constexpr int32_t kFetchBytesMax = 16 << 10;
constexpr Duration kAwayMean = 2s;
constexpr unsigned kCommitPercent = 40;

enum class Next : uint8_t { kGoOn, kRejoin, kRetry, kReconnect };

class GroupMember {
 public:
  GroupMember(Environment env, GroupUnderTest* group, GroupMemberState* state)
      : env_(env), group_(*group), state_(*state), history_(*group->history), draw_(env.random.word()) {
    who_.instance_id = state->instance_id;
  }

  Task<void> run() {
    for (;;) {
      Next next = co_await step();
      if (next == Next::kRejoin) give_up();
      if (next == Next::kReconnect) client_.reset();
      if (next != Next::kGoOn) co_await pause_before_retry(env_);
    }
  }

 private:
  Task<Next> step() {
    if (client_ == nullptr) client_ = co_await connect_to_group(env_, &group_, state_.client_id, who_.instance_id.has_value(), &topic_id_);
    if (client_ == nullptr) co_return Next::kRetry;
    if (state_.wants_to_leave) co_return co_await leave();
    if (!owned_) co_return co_await join();
    // A member that was away may send its old positions before it hears that it is out.
    const bool commits_first = draw_.chance(50);
    if (env_.executor.now() >= next_beat_ && !commits_first) {
      const Next beaten = co_await beat();
      if (beaten != Next::kGoOn) co_return beaten;
    }
    if (is_dirty_ && draw_.chance(kCommitPercent)) {
      const Next committed = co_await commit();
      if (committed != Next::kGoOn) co_return committed;
    }
    if (env_.executor.now() >= next_beat_) {
      const Next beaten = co_await beat();
      if (beaten != Next::kGoOn) co_return beaten;
    }
    co_return co_await read();
  }

  // Owns nothing any more, so there is nothing to commit either.
  void give_up() {
    owned_.reset();
    positions_.clear();
    is_dirty_ = false;
  }

  // What follows from a code that a member may hear; a violation when it may not.
  Next after(ErrorCode code, const char* what) {
    switch (code) {
      case ErrorCode::kNone: return Next::kGoOn;
      case ErrorCode::kRebalanceInProgress: return Next::kRejoin;
      case ErrorCode::kIllegalGeneration: group_.reached("group: a stale generation was refused"); return Next::kRejoin;
      case ErrorCode::kUnknownMemberId:
        group_.reached("group: a member was forgotten, and came back");
        who_.member_id.clear();
        return Next::kRejoin;
      case ErrorCode::kFencedInstanceId:
        group_.reached("group: a static member was fenced");
        who_.member_id.clear();
        return Next::kRejoin;
      case ErrorCode::kMemberIdRequired: return Next::kRejoin;
      case ErrorCode::kCoordinatorLoadInProgress: group_.reached("group: it was loading"); return Next::kRetry;
      case ErrorCode::kCoordinatorNotAvailable:
      case ErrorCode::kRequestTimedOut: return Next::kRetry;
      case ErrorCode::kNotCoordinator: return Next::kReconnect;
      default:
        group_.topic->violate("group-error", fmt::format("{}: {}", what, name_of(code)));
        return Next::kRetry;
    }
  }
  Next broken(const Error& error) {
    if (is_wire_failure(error)) group_.topic->violate("wire", error.describe());
    return Next::kReconnect;
  }

  Task<Next> join() {
    const int32_t before = who_.generation;
    const auto answer = co_await client_->call(join_request(*client_, group_, who_));
    if (!answer) co_return broken(answer.error());
    env_.log.debug("join as \"{}\": {} {} generation {} leader {}", who_.member_id, name_of(answer->error_code), answer->member_id,
                   answer->generation_id, answer->leader);
    if (answer->error_code == ErrorCode::kMemberIdRequired) who_.member_id = answer->member_id;
    const Next next = after(answer->error_code, "JoinGroup");
    if (next != Next::kGoOn) co_return next;
    who_.member_id = answer->member_id;
    who_.generation = answer->generation_id;
    if (who_.instance_id && before == -1 && answer->leader != answer->member_id && answer->members.empty()) {
      group_.reached("group: a static member came back to a follower's place");
    }
    protocol::SyncGroupRequest request = sync_request(*client_, group_, who_);
    if (request.protocol_type) request.protocol_name = answer->protocol_name;
    if (answer->leader == answer->member_id && !answer->skip_assignment) request.assignments = assign(*answer);
    if (answer->skip_assignment) group_.reached("group: a static leader came back and skipped the assignment");
    const auto synced = co_await client_->call(std::move(request));
    if (!synced) co_return broken(synced.error());
    env_.log.debug("sync generation {}: {} \"{}\"", who_.generation, name_of(synced->error_code), as_text(synced->assignment));
    const Next then = after(synced->error_code, "SyncGroup");
    if (then != Next::kGoOn) co_return then == Next::kRetry ? Next::kRejoin : then;
    take(as_text(synced->assignment));
    co_return co_await find_positions();
  }

  // Partitions are dealt out from a random member on, so that they move with every round. One digit each.
  std::vector<protocol::SyncGroupRequest::SyncGroupRequestAssignment> assign(const protocol::JoinGroupResponse& joined) {
    std::vector<protocol::SyncGroupRequest::SyncGroupRequestAssignment> assignments;
    std::vector<std::string> texts(joined.members.size());
    const size_t count = history_.partition_count();
    const size_t first = draw_.below(joined.members.size());
    for (size_t i = 0; i < count; ++i) texts[(first + i) % texts.size()] += std::to_string(i);
    for (size_t i = 0; i < texts.size(); ++i) {
      assignments.push_back({joined.members[i].member_id, SharedBytes::copy_of(as_bytes(texts[i]))});
    }
    return assignments;
  }

  void take(std::string_view assignment) {
    WEIR_ASSERT(positions_.empty() && !is_dirty_);
    owned_.emplace();
    for (const char digit : assignment) {
      owned_->push_back(static_cast<size_t>(digit - '0'));
      WEIR_ASSERT(owned_->back() < history_.partition_count(), assignment);
    }
    history_.assigned(who_.generation, who_.instance_id.value_or(who_.member_id), *owned_);
    group_.reached("group: a member heard what it owns");
    next_beat_ = env_.executor.now();
  }

  Task<Next> find_positions() {
    if (owned_->empty()) co_return Next::kGoOn;
    std::vector<GroupHistory::Mark> marks;
    for (const size_t index : *owned_) marks.push_back(history_.mark(index));
    const auto answer = co_await client_->call(fetch_request(*client_, group_, topic_id_, *owned_));
    if (!answer) {
      give_up();
      co_return broken(answer.error());
    }
    const Result<std::vector<GroupPosition>> found = positions_in(*answer, *owned_);
    if (!found) {
      give_up();
      if (is_wire_failure(found.error())) co_return broken(found.error());
      co_return after(found.error().code(), "OffsetFetch");
    }
    for (size_t i = 0; i < owned_->size(); ++i) {
      const auto [offset, number] = (*found)[i];
      env_.log.debug("partition {} from {} of commit {}", (*owned_)[i], offset, number);
      history_.fetched((*owned_)[i], number, offset, marks[i], who_.generation);
      positions_[(*owned_)[i]] = std::max<int64_t>(offset, 0);
    }
    co_return Next::kGoOn;
  }

  Task<Next> beat() {
    next_beat_ = env_.executor.now() + std::chrono::milliseconds(group_.session_timeout_ms / 5);
    const auto answer = co_await client_->call(heartbeat_request(*client_, group_, who_));
    if (!answer) co_return broken(answer.error());
    if (answer->error_code == ErrorCode::kRebalanceInProgress && is_dirty_ && draw_.chance(70)) {
      const Next committed = co_await commit();  // what was read before the partitions go to others
      if (committed != Next::kGoOn) co_return committed == Next::kRetry ? Next::kRejoin : committed;
    }
    co_return after(answer->error_code, "Heartbeat");
  }

  Task<Next> commit() {
    const std::map<size_t, int64_t> sent = positions_;
    const GroupHistory::CommitNumber number = history_.next_commit();
    std::map<size_t, GroupHistory::Mark> marks;
    for (const auto& [index, offset] : sent) {
      history_.commit_tried(index, number, offset, who_.generation);
      marks[index] = history_.mark(index);
    }
    const auto answer = co_await client_->call(commit_request(*client_, group_, who_, topic_id_, sent, number));
    if (!answer) co_return broken(answer.error());
    const Result<ErrorCode> code = code_of(*answer, sent.size());
    if (!code) co_return broken(code.error());
    for (const auto& [index, offset] : sent) history_.commit_answered(index, number);
    env_.log.debug("commit {} of {} in generation {}: {}", number, fmt::join(sent, " "), who_.generation, name_of(*code));
    if (*code == ErrorCode::kNone) {
      for (const auto& [index, offset] : sent) history_.committed(index, number, marks[index]);
      is_dirty_ = false;
    } else if (*code == ErrorCode::kUnknownMemberId || *code == ErrorCode::kIllegalGeneration) {
      group_.reached("group: positions of a member that was out were refused");
    }
    co_return after(*code, "OffsetCommit");
  }

  Task<Next> leave() {
    state_.wants_to_leave = false;
    if (!who_.member_id.empty()) {
      if (is_dirty_ && draw_.chance(50)) (void)co_await commit();
      const auto answer = co_await client_->call(leave_request(*client_, group_, who_));
      if (!answer) co_return broken(answer.error());
      const ErrorCode code = code_of(*answer);
      if (code == ErrorCode::kNone) group_.reached("group: a member left");
      (void)after(code, "LeaveGroup");
    }
    who_.member_id.clear();
    who_.generation = -1;
    give_up();
    const Result<void> slept = co_await sleep_until(env_.executor, env_.executor.now() + runtime::sample_delay(draw_, 0ns, kAwayMean));
    WEIR_ASSERT(slept.has_value());
    co_return Next::kGoOn;
  }

  Task<Next> read() {
    if (positions_.empty()) {
      co_await pause_before_retry(env_);
      co_return Next::kGoOn;
    }
    protocol::FetchRequest request;
    request.max_wait_ms = kFetchWaitMs;
    request.min_bytes = 1;
    request.session_epoch = -1;
    auto& topic = request.topics.emplace_back();
    if (client_->version_of(protocol::ApiKey::kFetch) >= 13)
      topic.topic_id = topic_id_;
    else
      topic.topic = group_.topic->name;
    for (const auto& [index, offset] : positions_) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition = PartitionIndex(static_cast<int32_t>(index));
      partition.fetch_offset = Offset(offset);
      partition.partition_max_bytes = kFetchBytesMax;
    }
    const auto answer = co_await client_->call(std::move(request));
    if (!answer) co_return broken(answer.error());
    if (answer->error_code != ErrorCode::kNone) co_return Next::kReconnect;
    bool good = true;
    for (const auto& rows : answer->responses) {
      for (const auto& row : rows.partitions) good = take_records(row) && good;
    }
    co_return good ? Next::kGoOn : Next::kReconnect;
  }

  bool take_records(const protocol::FetchResponse::PartitionData& given) {
    const auto at = positions_.find(static_cast<size_t>(given.partition_index.value()));
    if (at == positions_.end()) {
      group_.topic->violate("wire", fmt::format("partition {} was not asked for", given.partition_index));
      return false;
    }
    auto& [index, position] = *at;
    if (given.error_code == ErrorCode::kOffsetOutOfRange) {
      group_.topic->violate("unstable-read", fmt::format("partition {}: the group is at {}, which the broker does not know", index, position));
    }
    if (given.error_code != ErrorCode::kNone) return false;
    const Result<Given> read = records_of(given.records.joined(), position, codecs_);
    if (!read) {
      group_.topic->violate("corrupt-read", fmt::format("partition {}: {}", index, read.error().describe()));
      return false;
    }
    for (const Placed& placed : read->placed) {
      group_.topic->partitions[index]->observed(placed);
      history_.read(index, placed.offset);
    }
    is_dirty_ = is_dirty_ || read->next > position;
    position = std::max(position, read->next);
    return true;
  }

  Environment env_;
  GroupUnderTest& group_;
  GroupMemberState& state_;
  GroupHistory& history_;
  Prng draw_;
  codec::Codecs codecs_;
  std::unique_ptr<WireClient> client_;
  Uuid topic_id_;
  Membership who_;
  std::optional<std::vector<size_t>> owned_;
  std::map<size_t, int64_t> positions_;
  bool is_dirty_ = false;  // read further than committed
  MonoTime next_beat_;
};

}  // namespace

Task<void> take_part(Environment env, GroupUnderTest* group, GroupMemberState* state) {
  GroupMember member(env, group, state);
  co_await member.run();
}

Task<Result<std::vector<GroupPosition>>> committed_positions(Environment env, GroupUnderTest* group) {
  std::vector<size_t> all;
  for (size_t i = 0; i < group->history->partition_count(); ++i) all.push_back(i);
  for (;;) {
    Uuid topic_id;
    const auto client = co_await connect_to_group(env, group, "auditor", false, &topic_id);
    if (client != nullptr) {
      const auto answer = co_await client->call(fetch_request(*client, *group, topic_id, all));
      if (answer) {
        const Result<std::vector<GroupPosition>> found = positions_in(*answer, all);
        if (found || !is_retriable(found.error().code())) co_return found;
      }
    }
    co_await pause_before_retry(env);
  }
}

}  // namespace weir::sim
