#include "weir/cli/bench/group_member.h"

#include <fmt/format.h>

#include "weir/client/group/subscription.h"
#include "weir/protocol/heartbeat.h"
#include "weir/protocol/join_group.h"
#include "weir/protocol/leave_group.h"
#include "weir/protocol/sync_group.h"

namespace weir::cli {

namespace {

constexpr std::string_view kProtocolType = "consumer";
constexpr std::string_view kProtocolName = "range";
constexpr int16_t kSyncProtocolVersion = 5;  // the first of SyncGroup that names the protocol
constexpr int16_t kLeaveMembersVersion = 3;  // the first of LeaveGroup with a list

bool calls_for_rejoin(ErrorCode code) { return code == ErrorCode::kRebalanceInProgress || code == ErrorCode::kIllegalGeneration; }

std::unexpected<Error> refused(std::string_view what, ErrorCode code) { return fail(code, fmt::format("{}: {}", what, name_of(code))); }

}  // namespace

Task<Result<void>> BenchMember::open() {
  WEIR_CO_TRY(connection_,
              co_await rpc::Connection::open(context_.env, loops_, coordinator_, {.client_id = "weir-bench"}, context_.patience()));
  co_return Result<void>();
}

Task<Result<void>> BenchMember::join_and_sync() {
  runtime::Executor& executor = context_.env.executor;
  for (;;) {
    protocol::JoinGroupRequest join;
    join.group_id = board_.group;
    join.session_timeout_ms = board_.session_ms;
    join.rebalance_timeout_ms = static_cast<int32_t>(kRebalanceMax / 1ms);
    join.member_id = id_;
    join.protocol_type = kProtocolType;
    WEIR_CO_TRY(SharedBytes subscription, client::group::encode_subscription({.topics = {board_.topic}}));
    join.protocols.push_back({std::string(kProtocolName), std::move(subscription)});
    board_.last_asked = executor.now();
    ++board_.joins;
    WEIR_CO_TRY(const auto joined, co_await connection_->call(std::move(join), patience()));
    if (joined.error_code == ErrorCode::kMemberIdRequired || joined.error_code == ErrorCode::kUnknownMemberId) {
      id_ = joined.member_id;
      continue;
    }
    if (joined.error_code == ErrorCode::kCoordinatorLoadInProgress || joined.error_code == ErrorCode::kNotCoordinator ||
        joined.error_code == ErrorCode::kCoordinatorNotAvailable) {
      WEIR_CO_CHECK(co_await sleep_until(executor, executor.now() + 100ms, stop_));
      continue;
    }
    if (calls_for_rejoin(joined.error_code)) continue;
    if (joined.error_code != ErrorCode::kNone) co_return refused("JoinGroup", joined.error_code);
    id_ = joined.member_id;
    generation_ = joined.generation_id;
    protocol::SyncGroupRequest sync;
    sync.group_id = board_.group;
    sync.generation_id = generation_;
    sync.member_id = id_;
    WEIR_CO_TRY(const int16_t version, connection_->version_of(protocol::ApiKey::kSyncGroup));
    if (version >= kSyncProtocolVersion) {
      sync.protocol_type = kProtocolType;
      sync.protocol_name = kProtocolName;
    }
    if (joined.leader == id_) {
      board_.leader_size = joined.members.size();
      int32_t partition = 0;
      for (const auto& member : joined.members) {
        WEIR_CO_TRY(SharedBytes share, client::group::encode_assignment({{board_.topic, PartitionIndex(partition++)}}));
        sync.assignments.push_back({member.member_id, std::move(share)});
      }
    }
    WEIR_CO_TRY(const auto synced, co_await connection_->call(std::move(sync), patience()));
    if (calls_for_rejoin(synced.error_code)) continue;
    if (synced.error_code != ErrorCode::kNone) co_return refused("SyncGroup", synced.error_code);
    board_.note_stable(generation_, executor.now());
    co_return Result<void>();
  }
}

Task<Result<bool>> BenchMember::beat_until_rebalance() {
  runtime::Executor& executor = context_.env.executor;
  for (;;) {
    (void)co_await sleep_until(executor, executor.now() + board_.heartbeat, leaving_.token());
    if (leaving_.stop_requested() || stop_.stop_requested()) co_return false;
    protocol::HeartbeatRequest beat;
    beat.group_id = board_.group;
    beat.generation_id = generation_;
    beat.member_id = id_;
    WEIR_CO_TRY(const auto answer, co_await connection_->call(std::move(beat), patience()));
    if (calls_for_rejoin(answer.error_code)) co_return true;
    if (answer.error_code == ErrorCode::kUnknownMemberId) {
      id_.clear();
      co_return true;
    }
    if (answer.error_code != ErrorCode::kNone) co_return refused("Heartbeat", answer.error_code);
  }
}

Task<void> BenchMember::say_goodbye() {
  if (id_.empty() || !connection_->is_open()) co_return;
  const auto version = connection_->version_of(protocol::ApiKey::kLeaveGroup);
  if (!version) co_return;
  protocol::LeaveGroupRequest request;
  request.group_id = board_.group;
  if (*version >= kLeaveMembersVersion) request.members.push_back({id_, std::nullopt, std::nullopt});
  else request.member_id = id_;
  (void)co_await connection_->call(std::move(request), {Deadline::at(context_.env.executor.now() + 5s), {}});
}

Task<void> BenchMember::run(BenchMember* self, runtime::StopToken stop) {
  self->stop_ = stop;
  for (bool stays = true; stays;) {
    const Result<void> joined = co_await self->join_and_sync();
    const auto again = joined ? co_await self->beat_until_rebalance() : fail(joined.error());
    if (!again && again.error().code() != ErrorCode::kCancelled && !self->board_.error) {
      self->board_.error = again.error();
      self->board_.news.notify_all();
    }
    stays = again && *again && !stop.stop_requested();
  }
  co_await self->say_goodbye();
  self->connection_->close();
  (void)co_await self->loops_.join();
}

}  // namespace weir::cli
