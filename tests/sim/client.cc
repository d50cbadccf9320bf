#include "client.h"

#include <algorithm>

#include "weir/base/prng.h"
#include "weir/protocol/api_versions.h"

namespace weir::sim {

using protocol::ApiKey;
using protocol::ApiVersionsRequest;
using runtime::Environment;
using runtime::Task;

namespace {
constexpr unsigned kNewestPercent = 60;
constexpr ApiKey kUsed[] = {ApiKey::kProduce,  ApiKey::kFetch,        ApiKey::kListOffsets,
                            ApiKey::kMetadata, ApiKey::kCreateTopics, ApiKey::kInitProducerId, ApiKey::kDeleteRecords,
                            ApiKey::kFindCoordinator, ApiKey::kJoinGroup, ApiKey::kSyncGroup,
                            ApiKey::kHeartbeat, ApiKey::kLeaveGroup, ApiKey::kOffsetCommit, ApiKey::kOffsetFetch};

// Closes the stream when an answer is late; every pending operation on it then ends.
struct CloseWhenLate final : runtime::Timer {
  CloseWhenLate(Environment& env, runtime::Stream& stream) : stream(stream) {
    env.executor.arm(*this, env.executor.now() + WireClient::kAnswerTimeout);
  }
  void on_fire() override { stream.close(); }
  runtime::Stream& stream;
};
}  // namespace

Task<Result<std::unique_ptr<WireClient>>> WireClient::connect(Environment env, runtime::Endpoint to, std::string client_id) {
  WEIR_CO_TRY(auto stream, co_await env.network.connect(std::move(to), Deadline::at(env.executor.now() + kAnswerTimeout)));
  std::unique_ptr<WireClient> client(new WireClient(env, std::move(stream), std::move(client_id)));
  WEIR_CO_CHECK(co_await client->agree_on_versions());
  co_return client;
}

Task<Result<void>> WireClient::agree_on_versions() {
  Prng draw(env_.random.word());
  const protocol::VersionRange asked = ApiVersionsRequest::kVersions;
  versions_[ApiKey::kApiVersions] = static_cast<int16_t>(draw.between(asked.first, asked.last));
  ApiVersionsRequest request;
  request.client_software_name = "weir-sim";
  request.client_software_version = "1";
  WEIR_CO_TRY(const auto answer, co_await call(std::move(request)));
  if (answer.error_code != ErrorCode::kNone) co_return fail(answer.error_code, "ApiVersions");
  for (const ApiKey key : kUsed) {
    const auto served = std::find_if(answer.api_keys.begin(), answer.api_keys.end(),
                                     [&](const auto& row) { return row.api_key == static_cast<int16_t>(key); });
    if (served == answer.api_keys.end()) co_return fail(ErrorCode::kUnsupportedVersion, std::string(protocol::name_of(key)));
    const protocol::VersionRange ours = protocol::api_info(key).stable;
    const int16_t least = std::max(ours.first, served->min_version);
    const int16_t most = std::min(ours.last, served->max_version);
    if (least > most) co_return fail(ErrorCode::kUnsupportedVersion, std::string(protocol::name_of(key)));
    versions_[key] = draw.chance(kNewestPercent) ? most : static_cast<int16_t>(draw.between(least, most));
  }
  co_return Result<void>();
}

void WireClient::cap(ApiKey key, int16_t version) { versions_[key] = std::min(versions_.at(key), version); }

void WireClient::raise(ApiKey key, int16_t version) { versions_[key] = std::max(versions_.at(key), version); }

Task<Result<void>> WireClient::write_frame(const std::vector<SharedBytes>& frame) {
  const CloseWhenLate late(env_, *stream_);
  std::vector<ByteView> parts;
  for (const SharedBytes& slice : frame) parts.push_back(slice.view());
  co_return co_await stream_->write_all(parts);
}

Task<Result<SharedBytes>> WireClient::read_body() {
  const CloseWhenLate late(env_, *stream_);
  const Expected expected = expected_.front();
  expected_.pop_front();
  std::byte head[protocol::kFrameSizeBytes];
  WEIR_CO_CHECK(co_await read_exactly(head));
  const int32_t size = load_be<int32_t>(head);
  if (size < 4 || size > kFrameBytesMax) co_return fail(ErrorCode::kMalformedFrame, fmt::format("a frame of {} bytes", size));
  const SharedBytes frame = SharedBytes::allocate(static_cast<size_t>(size));
  WEIR_CO_CHECK(co_await read_exactly(frame.mutable_view()));
  int32_t correlation = 0;
  WEIR_CO_TRY(const size_t body_at,
              protocol::read_response_head(frame, protocol::api_info(expected.key), expected.version, correlation));
  if (correlation != expected.correlation) {
    co_return fail(ErrorCode::kMalformedFrame, fmt::format("answer {} where {} is due", correlation, expected.correlation));
  }
  co_return frame.slice(body_at, frame.size() - body_at);
}

Task<Result<void>> WireClient::read_exactly(MutableBytes into) {
  while (!into.empty()) {
    WEIR_CO_TRY(const size_t count, co_await stream_->read_some(into));
    if (count == 0) co_return fail(ErrorCode::kConnectionClosed, "the broker ended the connection");
    into = into.subspan(count);
  }
  co_return Result<void>();
}

}  // namespace weir::sim
