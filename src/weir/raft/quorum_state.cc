#include "weir/raft/quorum_state.h"

#include <fmt/format.h>

#include "weir/codec/json.h"

namespace weir::raft {
namespace {

constexpr uint64_t kQuorumStateBytesMax = 1 << 20;

using codec::JsonValue;

// -1 to `max`.
Result<int32_t> int32_field(const JsonValue& object, std::string_view key, int32_t max = INT32_MAX) {
  const JsonValue* value = object.field(key);
  if (value == nullptr) return fail(ErrorCode::kMalformedFile, fmt::format("{} is missing", key));
  if (!value->whole) return fail(ErrorCode::kMalformedFile, fmt::format("{} is no whole number", key));
  if (*value->whole >= -1 && *value->whole <= max) return static_cast<int32_t>(*value->whole);
  return fail(ErrorCode::kMalformedFile, fmt::format("{} = {} is out of range", key, *value->whole));
}

}  // namespace

Result<ElectionState> parse_quorum_state(std::string_view text) {
  const Result<JsonValue> json = codec::parse_json(text);
  if (!json) return fail(ErrorCode::kMalformedFile, json.error().message());
  WEIR_TRY(const int32_t version, int32_field(*json, "data_version"));
  if (version != 0 && version != 1) {
    return fail(ErrorCode::kMalformedFile, fmt::format("data_version {} is newer than this program knows", version));
  }
  ElectionState state;
  WEIR_TRY(const int32_t epoch, int32_field(*json, "leaderEpoch", INT32_MAX - 1));
  WEIR_TRY(const int32_t leader, int32_field(*json, "leaderId"));
  WEIR_TRY(const int32_t voted, int32_field(*json, "votedId"));
  state.epoch = LeaderEpoch(epoch);
  state.leader = BrokerId(leader);
  state.voted = BrokerId(voted);
  if (version == 1) {
    const JsonValue* id = json->field("votedDirectoryId");
    const auto directory = id == nullptr ? std::nullopt : Uuid::parse(id->text);
    if (!directory) return fail(ErrorCode::kMalformedFile, "votedDirectoryId is not a directory id");
    state.voted_directory = *directory;
  }
  const JsonValue* voters = json->field("currentVoters");
  if (voters == nullptr || voters->is_null()) return state;
  if (voters->kind != JsonValue::Kind::kArray) return fail(ErrorCode::kMalformedFile, "currentVoters is no list");
  for (const JsonValue& voter : voters->items) {
    WEIR_TRY(const int32_t id, int32_field(voter, "voterId"));
    state.voters.push_back(BrokerId(id));
  }
  return state;
}

std::string format_quorum_state(const ElectionState& state, int16_t kraft_version) {
  if (kraft_version > 0) {
    return fmt::format(R"({{"leaderId":{},"leaderEpoch":{},"votedId":{},"votedDirectoryId":"{}","data_version":1}})",
                       state.leader, state.epoch, state.voted, state.voted_directory);
  }
  std::string voters;
  for (const BrokerId voter : state.voters) voters += fmt::format(R"({}{{"voterId":{}}})", voters.empty() ? "" : ",", voter);
  return fmt::format(
      R"({{"clusterId":"","leaderId":{},"leaderEpoch":{},"votedId":{},"appliedOffset":0,"currentVoters":[{}],"data_version":0}})",
      state.leader, state.epoch, state.voted, voters);
}

runtime::Task<Result<ElectionState>> read_quorum_state(runtime::Disk& disk, std::string log_dir) {
  const std::string path = fmt::format("{}/{}", log_dir, kQuorumStateFile);
  const Result<Bytes> content = co_await runtime::read_file(disk, path, kQuorumStateBytesMax);
  if (!content) {
    if (content.error().code() == ErrorCode::kNotFound) co_return ElectionState();
    co_return fail(content.error());
  }
  Result<ElectionState> state = parse_quorum_state(as_text(*content));
  if (!state) co_return fail(state.error().within(path));
  co_return std::move(*state);
}

runtime::Task<Result<void>> write_quorum_state(runtime::Disk& disk, std::string log_dir, ElectionState state,
                                               int16_t kraft_version) {
  co_return co_await runtime::write_file_atomically(disk, fmt::format("{}/{}", log_dir, kQuorumStateFile),
                                                    to_bytes(format_quorum_state(state, kraft_version)));
}

}  // namespace weir::raft
