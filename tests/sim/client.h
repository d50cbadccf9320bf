// A Kafka client for the simulator: real wire bytes through the Network seam, and nothing else of the broker.
//
// One connection. Requests may be pipelined: `send` several, then `receive` each in order. Versions are drawn once per
// connection between the least and the most that both sides know, mostly the most. Every wait is bounded by kAnswerTimeout.
// Errors: kConnectionClosed, kDeadlineExceeded, kConnectionRefused: try again on a new connection;
//         kMalformedFrame, kUnsupportedVersion: the broker broke the protocol.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "weir/protocol/frame.h"
#include "weir/runtime/environment.h"

namespace weir::sim {

class WireClient {
 public:
  static constexpr Duration kAnswerTimeout = 8s;
  static constexpr int32_t kFrameBytesMax = 64 << 20;

  // Connects and asks for the broker's versions.
  static runtime::Task<Result<std::unique_ptr<WireClient>>> connect(runtime::Environment env, runtime::Endpoint to,
                                                                    std::string client_id);

  template <protocol::WireMessage Request>
  runtime::Task<Result<void>> send(Request request) {
    const int16_t version = version_of(Request::kApiKey);
    WEIR_CO_TRY(const std::vector<SharedBytes> frame, protocol::request_frame(request, version, next_correlation_, client_id_));
    expected_.push_back({Request::kApiKey, version, next_correlation_++});
    co_return co_await write_frame(frame);
  }
  template <protocol::WireMessage Request>
  runtime::Task<Result<typename Request::Response>> receive() {
    WEIR_ASSERT(!expected_.empty() && expected_.front().key == Request::kApiKey);
    const int16_t version = expected_.front().version;
    WEIR_CO_TRY(const SharedBytes body, co_await read_body());
    size_t consumed = 0;
    WEIR_CO_TRY(auto response, protocol::decode<typename Request::Response>(body, version, &consumed));
    if (consumed != body.size()) co_return fail(ErrorCode::kMalformedFrame, "bytes are left after the response");
    co_return response;
  }
  template <protocol::WireMessage Request>
  runtime::Task<Result<typename Request::Response>> call(Request request) {
    WEIR_CO_CHECK(co_await send(std::move(request)));
    co_return co_await receive<Request>();
  }

  // At most, at least this version from now on: a topic without an id cannot be asked for by id.
  void cap(protocol::ApiKey key, int16_t version);
  void raise(protocol::ApiKey key, int16_t version);
  int16_t version_of(protocol::ApiKey key) const { return versions_.at(key); }

 private:
  struct Expected {
    protocol::ApiKey key;
    int16_t version;
    int32_t correlation;
  };
  WireClient(runtime::Environment env, std::unique_ptr<runtime::Stream> stream, std::string client_id)
      : env_(env), stream_(std::move(stream)), client_id_(std::move(client_id)) {}
  runtime::Task<Result<void>> agree_on_versions();
  runtime::Task<Result<void>> write_frame(const std::vector<SharedBytes>& frame);
  runtime::Task<Result<SharedBytes>> read_body();
  runtime::Task<Result<void>> read_exactly(MutableBytes into);

  runtime::Environment env_;
  std::unique_ptr<runtime::Stream> stream_;
  std::string client_id_;
  std::map<protocol::ApiKey, int16_t> versions_;
  std::deque<Expected> expected_;
  int32_t next_correlation_ = 1;
};

}  // namespace weir::sim
