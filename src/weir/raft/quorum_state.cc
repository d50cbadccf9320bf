#include "weir/raft/quorum_state.h"

#include <charconv>
#include <map>

#include <fmt/format.h>

namespace weir::raft {
namespace {

constexpr uint64_t kQuorumStateBytesMax = 1 << 20;

// Reads one flat JSON object of numbers, strings and lists of {"voterId": n}: all that the file ever holds.
class FlatJson {
 public:
  explicit FlatJson(std::string_view text) : text_(text) {}

  Result<void> read() {
    WEIR_CHECK(expect('{'));
    do {
      WEIR_TRY(const std::string key, string());
      WEIR_CHECK(expect(':'));
      WEIR_CHECK(value(key));
    } while (accept(','));
    WEIR_CHECK(expect('}'));
    skip_spaces();
    if (at_ < text_.size()) return wrong("nothing more");
    return {};
  }
  std::map<std::string, int64_t> numbers;
  std::map<std::string, std::string> strings;
  std::map<std::string, std::vector<int64_t>> lists;

 private:
  std::unexpected<Error> wrong(std::string_view what) {
    return fail(ErrorCode::kMalformedFile, fmt::format("expected {} at byte {}", what, at_));
  }
  void skip_spaces() {
    while (at_ < text_.size() && static_cast<unsigned char>(text_[at_]) <= ' ') ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Result<void> expect(char c) {
    if (accept(c)) return {};
    return wrong(fmt::format("'{}'", c));
  }
  Result<std::string> string() {
    WEIR_CHECK(expect('"'));
    const size_t end = text_.find('"', at_);
    if (end == std::string_view::npos) return wrong("a closing quote");
    const std::string_view content = text_.substr(at_, end - at_);
    if (content.find('\\') != std::string_view::npos) return wrong("a string without escapes");
    at_ = end + 1;
    return std::string(content);
  }
  Result<int64_t> number() {
    skip_spaces();
    int64_t value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc()) return wrong("a number");
    at_ += static_cast<size_t>(end - begin);
    return value;
  }
  Result<void> value(const std::string& key) {
    skip_spaces();
    const char next = at_ < text_.size() ? text_[at_] : '\0';
    if (next == '"') {
      WEIR_TRY(strings[key], string());
      return {};
    }
    if (next == '[') return list(lists[key]);
    if (text_.substr(at_).starts_with("null")) {
      at_ += 4;
      return {};
    }
    WEIR_TRY(numbers[key], number());
    return {};
  }
  Result<void> list(std::vector<int64_t>& into) {
    WEIR_CHECK(expect('['));
    if (accept(']')) return {};
    do {
      WEIR_CHECK(expect('{'));
      WEIR_CHECK(string());
      WEIR_CHECK(expect(':'));
      WEIR_TRY(const int64_t id, number());
      into.push_back(id);
      WEIR_CHECK(expect('}'));
    } while (accept(','));
    return expect(']');
  }

  std::string_view text_;
  size_t at_ = 0;
};

Result<int32_t> in_range(std::string_view key, int64_t value, int32_t max = INT32_MAX) {
  if (value >= -1 && value <= max) return static_cast<int32_t>(value);
  return fail(ErrorCode::kMalformedFile, fmt::format("{} = {} is out of range", key, value));
}

Result<int32_t> int32_field(const FlatJson& json, const std::string& key, int32_t max = INT32_MAX) {
  const auto found = json.numbers.find(key);
  if (found == json.numbers.end()) return fail(ErrorCode::kMalformedFile, fmt::format("{} is missing", key));
  return in_range(key, found->second, max);
}

}  // namespace

Result<ElectionState> parse_quorum_state(std::string_view text) {
  FlatJson json(text);
  WEIR_CHECK(json.read());
  WEIR_TRY(const int32_t version, int32_field(json, "data_version"));
  if (version != 0 && version != 1) {
    return fail(ErrorCode::kMalformedFile, fmt::format("data_version {} is newer than this program knows", version));
  }
  ElectionState state;
  WEIR_TRY(const int32_t epoch, int32_field(json, "leaderEpoch", INT32_MAX - 1));
  WEIR_TRY(const int32_t leader, int32_field(json, "leaderId"));
  WEIR_TRY(const int32_t voted, int32_field(json, "votedId"));
  state.epoch = LeaderEpoch(epoch);
  state.leader = BrokerId(leader);
  state.voted = BrokerId(voted);
  if (version == 1) {
    const auto directory = Uuid::parse(json.strings["votedDirectoryId"]);
    if (!directory) return fail(ErrorCode::kMalformedFile, "votedDirectoryId is not a directory id");
    state.voted_directory = *directory;
  }
  for (const int64_t voter : json.lists["currentVoters"]) {
    WEIR_TRY(const int32_t id, in_range("voterId", voter));
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
