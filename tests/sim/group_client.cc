// A member by our own client: the code that people run, with its assignors, over the same broken network.
#include <cstring>

#include "group_member.h"
#include "group_wire.h"
#include "weir/client/group_consumer.h"
#include "weir/runtime/sim/core.h"
#include "workload_inner.h"

namespace weir::sim {

using client::PartitionKey;
using runtime::Environment;
using runtime::Task;

namespace {

constexpr Duration kPollFor = 200ms;
constexpr Duration kCommitFor = 4s;
constexpr Duration kLeaveFor = 5s;
constexpr Duration kAttemptFor = 3s;
constexpr Duration kAwayMean = 2s;
constexpr unsigned kCommitPercent = 40;
constexpr Duration kSentOnceWithin = 70ms;  // less than the pause before anything is sent again

class ClientMember final : client::RebalanceListener {
 public:
  ClientMember(Environment env, GroupUnderTest* group, GroupMemberState* state)
      : env_(env), group_(*group), state_(*state), history_(*group->history), draw_(env.random.word()) {}

  Task<void> run() {
    for (;;) {
      co_await live();
      const Duration away = runtime::sample_delay(draw_, 0ns, kAwayMean);
      const Result<void> slept = co_await sleep_until(env_.executor, env_.executor.now() + away);
      WEIR_ASSERT(slept.has_value());
    }
  }

 private:
  static size_t index_of(const PartitionKey& key) { return static_cast<size_t>(key.index.value()); }
  client::Patience patience(Duration time) const { return {Deadline::at(env_.executor.now() + time), {}}; }

  client::GroupOptions options() const {
    client::GroupOptions options;
    options.group = group_.name;
    options.topics = {group_.topic->name};
    options.instance_id = state_.instance_id;
    options.assignors = group_.assignors;
    options.session_timeout = std::chrono::milliseconds(group_.session_timeout_ms);
    options.heartbeat_interval = options.session_timeout / 5;
    options.max_poll_interval = std::chrono::milliseconds(group_.rebalance_timeout_ms);
    options.commits_by_itself = false;
    options.reset = client::Start::Kind::kBeginning;
    options.consumer.wait_max = 150ms;
    return options;
  }

  // From joining to leaving, or to the end of the membership.
  Task<void> live() {
    client::ClientOptions connection;
    connection.bootstrap = {group_.topic->broker};
    connection.client_id = state_.client_id;
    connection.request_timeout = kAttemptFor;
    client::Cluster cluster(env_, connection);
    {
      client::GroupConsumer consumer(cluster, options(), this);
      consumer_ = &consumer;
      is_dirty_ = false;
      seen_generation_ = -1;
      marks_ = marks_now();   // the first positions may be asked for within the first step
      last_marks_.clear();
      for (bool lives = true; lives && !state_.wants_to_leave;) lives = co_await step();
      state_.wants_to_leave = false;
      const Result<void> left = co_await consumer.close(patience(kLeaveFor));
      if (left) group_.reached("group: a member left");
      if (!consumer.owned().empty()) group_.topic->violate("client", state_.client_id + " has left and keeps partitions");
      consumer_ = nullptr;
    }
    co_await cluster.shut_down();
  }

  // False when the membership has ended.
  Task<bool> step() {
    watch_marks();
    const auto batch = co_await consumer_->poll(patience(kPollFor));
    if (!batch) co_return goes_on(batch.error(), "poll");
    if (*batch) take(**batch);
    if (!is_dirty_ || !draw_.chance(kCommitPercent)) co_return true;
    co_return co_await commit();
  }

  // The client asks for positions by itself, after it joined a generation. What was true when we last saw it in the one before
  // must come back.
  void watch_marks() {
    const int32_t generation = consumer_->member().identity().generation;
    if (generation != seen_generation_) marks_ = last_marks_;
    seen_generation_ = generation;
    last_marks_ = marks_now();
  }
  std::vector<GroupHistory::Mark> marks_now() const {
    std::vector<GroupHistory::Mark> marks;
    for (size_t i = 0; i < history_.partition_count(); ++i) marks.push_back(history_.mark(i));
    return marks;
  }

  bool goes_on(const Error& error, const char* what) {
    env_.log.debug("{}: {}", what, error.describe());
    switch (error.code()) {
      case ErrorCode::kFencedInstanceId: group_.reached("group: a static member was fenced"); return false;
      case ErrorCode::kUnknownMemberId:
      case ErrorCode::kIllegalGeneration:
        group_.reached("group: positions of a member that was out were refused");
        return true;
      case ErrorCode::kDeadlineExceeded:
      case ErrorCode::kRebalanceInProgress:
      case ErrorCode::kCoordinatorLoadInProgress:
      case ErrorCode::kCoordinatorNotAvailable:
      case ErrorCode::kNotCoordinator:
      case ErrorCode::kConnectionClosed:
      case ErrorCode::kConnectionRefused: return true;
      default: group_.topic->violate("client", fmt::format("{} of {}: {}", what, state_.client_id, error.describe())); return true;
    }
  }

  void take(const client::ConsumedBatch& batch) {
    const auto index = static_cast<size_t>(batch.partition.value());
    if (!consumer_->owned().contains({batch.topic, batch.partition})) {
      group_.topic->violate("client", fmt::format("{} was given records of partition {}, which it does not own", state_.client_id, index));
    }
    for (const record::Record& record : batch.records) {
      ValueId value;
      if (!record.value || record.value->size() < sizeof value) return group_.topic->violate("corrupt-read", "not a value of ours");
      std::memcpy(&value.writer, record.value->data(), 4);
      std::memcpy(&value.number, record.value->data() + 4, 4);
      group_.topic->partitions[index]->observed({record.offset.value(), value});
      history_.read(index, record.offset.value());
      next_[index] = {Offset(record.offset.value() + 1), batch.leader_epoch, ""};
    }
    is_dirty_ = true;
  }

  Task<bool> commit() {
    const int32_t generation = consumer_->member().identity().generation;
    const GroupHistory::CommitNumber number = history_.next_commit();
    client::CommittedOffsets positions;
    std::map<size_t, GroupHistory::Mark> marks;
    for (const auto& [index, next] : next_) {
      const PartitionKey key{group_.topic->name, PartitionIndex(static_cast<int32_t>(index))};
      if (!consumer_->owned().contains(key)) continue;
      positions[key] = {next.offset, next.leader_epoch, commit_metadata(number)};
      history_.commit_tried(index, number, next.offset.value(), generation);
      marks[index] = history_.mark(index);
    }
    if (positions.empty()) co_return true;
    const MonoTime asked = env_.executor.now();
    const Result<void> stored = co_await consumer_->commit(positions, patience(kCommitFor));
    env_.log.debug("commit {} in generation {}: {}", number, generation, stored ? "NONE" : stored.error().describe());
    // The client may send it more than once: then its answer does not say that nothing is under way any more.
    if (env_.executor.now() - asked < kSentOnceWithin) {
      for (const auto& [index, mark] : marks) history_.commit_answered(index, number);
    }
    if (!stored) co_return goes_on(stored.error(), "commit");
    for (const auto& [index, mark] : marks) history_.committed(index, number, mark);
    is_dirty_ = false;
    co_return true;
  }

  Task<void> assigned(std::vector<client::Assigned> partitions) override {
    const client::group::Member& member = consumer_->member();
    std::vector<size_t> owned;
    for (const PartitionKey& key : member.owned()) owned.push_back(index_of(key));
    env_.log.debug("generation {}: {} new, owns {}", member.identity().generation, partitions.size(), owned.size());
    history_.assigned(member.identity().generation, state_.instance_id.value_or(member.identity().member_id), owned);
    group_.reached("group: a member heard what it owns");
    for (const client::Assigned& one : partitions) {
      const size_t index = index_of(one.partition);
      const client::Committed committed = one.committed.value_or(client::Committed{.offset = Offset(-1)});
      const Result<GroupHistory::CommitNumber> number = commit_number_in(committed.metadata);
      if (!number) group_.topic->violate("wire", number.error().describe());
      env_.log.debug("partition {} from {} of commit {}", index, committed.offset, committed.metadata);
      history_.fetched(index, number.value_or(GroupHistory::kNoCommit), committed.offset.value(), marks_[index],
                       member.identity().generation);
      next_.erase(index);
    }
    co_return;
  }
  Task<void> revoked(std::vector<PartitionKey> partitions) override {
    if (draw_.chance(70) && is_dirty_) (void)co_await commit();
    for (const PartitionKey& key : partitions) next_.erase(index_of(key));
  }
  Task<void> lost(std::vector<PartitionKey> partitions) override {
    for (const PartitionKey& key : partitions) next_.erase(index_of(key));
    group_.reached("group: a member was forgotten, and came back");
    co_return;
  }

  Environment env_;
  GroupUnderTest& group_;
  GroupMemberState& state_;
  GroupHistory& history_;
  Prng draw_;
  client::GroupConsumer* consumer_ = nullptr;  // while it lives
  std::map<size_t, client::Committed> next_;   // of what is owned, where something was read
  bool is_dirty_ = false;
  int32_t seen_generation_ = -1;
  std::vector<GroupHistory::Mark> marks_;       // what positions asked for in this generation must be at least
  std::vector<GroupHistory::Mark> last_marks_;  // as of the last step
};

}  // namespace

Task<void> take_part_by_client(Environment env, GroupUnderTest* group, GroupMemberState* state) {
  ClientMember member(env, group, state);
  co_await member.run();
}

}  // namespace weir::sim
