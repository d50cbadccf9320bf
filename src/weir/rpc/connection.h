// One connection to a broker from our side: requests out, answers matched to them, versions agreed at the beginning.
//
// Owner    whoever opened it, by shared_ptr; its two loops (one writes, one reads) run in the TaskGroup given to `open` and
//          hold it too. close() ends them; join the group before destroying what `env` refers to.
// Shard    one.
// Format   Kafka's frames (protocol/frame.h).
// Holds    - requests leave in the order in which their calls began; answers come back in that order or the peer is wrong
//          - at most kInFlightMax requests wait for answers, and their frames take at most what the callers gave
//          - a deadline that passes closes the connection: an answer that is late holds up all behind it, and nobody knows
//            whether it will come. A stop gives up one call only: its answer is dropped when it comes.
//          - after close() every call ends with an error
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/protocol/frame.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/task_group.h"

namespace weir::rpc {

using runtime::Task;

struct ConnectionOptions {
  std::string client_id = "weir";
  size_t frame_bytes_max = 128 << 20;  // of an answer
};

// How long to wait, and who may call it off.
struct Patience {
  Deadline deadline;
  runtime::StopToken stop;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  static constexpr size_t kInFlightMax = 256;
  static constexpr size_t kSlicesPerWriteMax = 512;

  // Connects and agrees on versions. Errors: kConnectionRefused, kConnectionClosed, kDeadlineExceeded, kCancelled,
  // kMalformedFrame, kUnsupportedVersion (the peer's ApiVersions cannot be understood), each with the address.
  static Task<Result<std::shared_ptr<Connection>>> open(runtime::Environment env, runtime::TaskGroup& group, runtime::Endpoint to,
                                                        ConnectionOptions options, Patience patience);
  ~Connection();

  // Sends `request` in the highest version that both sides know and that is at most `version_max`; resolves to the answer.
  // Errors: kUnsupportedVersion (the peer lacks the API, or the version lacks a field that is set: the message names it),
  // kConnectionClosed, kDeadlineExceeded, kCancelled, kMalformedFrame, kUnavailable (kInFlightMax reached).
  template <protocol::WireMessage Request>
  Task<Result<typename Request::Response>> call(Request request, Patience patience, int16_t version_max = INT16_MAX) {
    const std::shared_ptr<Connection> alive = shared_from_this();
    WEIR_CO_TRY(const int16_t version, version_of(Request::kApiKey, version_max));
    const int32_t correlation = next_correlation();
    WEIR_CO_TRY(std::vector<SharedBytes> frame, protocol::request_frame(request, version, correlation, options_.client_id));
    WEIR_CO_TRY(const SharedBytes body, co_await exchange({Request::kApiKey, version, correlation}, std::move(frame), patience));
    auto response = protocol::decode<typename Request::Response>(body, version);
    if (!response) close();
    co_return response;
  }
  // For requests that are never answered (Produce with acks 0): resolves when the bytes are handed to the network.
  template <protocol::WireMessage Request>
  Task<Result<void>> post(Request request, Patience patience, int16_t version_max = INT16_MAX) {
    const std::shared_ptr<Connection> alive = shared_from_this();
    WEIR_CO_TRY(const int16_t version, version_of(Request::kApiKey, version_max));
    const int32_t correlation = next_correlation();
    WEIR_CO_TRY(std::vector<SharedBytes> frame, protocol::request_frame(request, version, correlation, options_.client_id));
    WEIR_CO_CHECK(co_await exchange({std::nullopt, version, correlation}, std::move(frame), patience));
    co_return Result<void>();
  }

  // The version that `call` would use. Errors: kUnsupportedVersion.
  Result<int16_t> version_of(protocol::ApiKey key, int16_t version_max = INT16_MAX) const;
  // What the peer serves; empty for what it does not.
  protocol::VersionRange served(protocol::ApiKey key) const { return served_[static_cast<size_t>(key)]; }

  // Ends it now; every waiting call ends with kConnectionClosed. May be called twice.
  void close();
  bool is_open() const { return open_; }
  size_t in_flight() const { return waiting_.size(); }
  const runtime::Endpoint& peer() const { return to_; }

 private:
  // What its answer is known by, and read with.
  struct Asked {
    std::optional<protocol::ApiKey> key;  // none: not answered
    int16_t version;
    int32_t correlation;
  };
  // One request under way: shared by the call that waits and the queue, as either may go first.
  struct Exchange {
    Exchange(Asked asked, std::vector<SharedBytes> frame) : asked(asked), frame(std::move(frame)) {}
    Asked asked;
    std::vector<SharedBytes> frame;
    std::optional<Result<SharedBytes>> outcome;
    runtime::WaitQueue waiter;

    void finish(Result<SharedBytes> result) {
      outcome = std::move(result);
      waiter.notify_all();
    }
  };

  Connection(runtime::Environment env, runtime::Endpoint to, ConnectionOptions options)
      : env_(env), to_(std::move(to)), options_(std::move(options)) {}

  // Any number does that differs from those under way: it may wrap.
  int32_t next_correlation() { return static_cast<int32_t>(next_correlation_++); }
  Task<Result<SharedBytes>> exchange(Asked asked, std::vector<SharedBytes> frame, Patience patience);
  Task<Result<void>> agree_on_versions(Patience patience);
  static Task<void> write_loop(std::shared_ptr<Connection> self);
  static Task<void> read_loop(std::shared_ptr<Connection> self);
  Task<Result<SharedBytes>> read_frame();
  Task<Result<void>> read_exactly(MutableBytes into);
  Result<void> take_answer(const SharedBytes& frame);
  void close_because(Error why);

  runtime::Environment env_;
  runtime::Endpoint to_;
  ConnectionOptions options_;
  std::unique_ptr<runtime::Stream> stream_;
  bool open_ = true;
  uint32_t next_correlation_ = 0;
  std::deque<std::shared_ptr<Exchange>> unsent_;
  std::deque<std::shared_ptr<Exchange>> waiting_;
  runtime::WaitQueue writer_;
  std::array<protocol::VersionRange, protocol::kApiKeysEnd> served_;  // by key
};

}  // namespace weir::rpc
