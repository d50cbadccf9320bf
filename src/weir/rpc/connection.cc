#include "weir/rpc/connection.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/reader.h"
#include "weir/base/version.h"
#include "weir/protocol/api_versions.h"
#include "weir/protocol/foreign.h"

namespace weir::rpc {

using protocol::ApiKey;
using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;

Task<Result<std::shared_ptr<Connection>>> Connection::open(runtime::Environment env, runtime::TaskGroup& group, runtime::Endpoint to,
                                                           ConnectionOptions options, Patience patience) {
  if (patience.stop.stop_requested()) co_return fail(ErrorCode::kCancelled);
  std::shared_ptr<Connection> connection(new Connection(env, to, std::move(options)));
  WEIR_CO_TRY(connection->stream_, co_await env.network.connect(to, patience.deadline));
  group.spawn(&write_loop, connection);
  group.spawn(&read_loop, connection);
  const Result<void> agreed = co_await connection->agree_on_versions(patience);
  if (!agreed) {
    connection->close();
    co_return fail(agreed.error());
  }
  co_return connection;
}

Connection::~Connection() { close(); }

// A broker that does not know our version of ApiVersions answers in version 0 with error 35 and, since KIP-511, the range
// it knows.
Task<Result<void>> Connection::agree_on_versions(Patience patience) {
  int16_t version = ApiVersionsRequest::kVersions.last;
  for (int attempt = 0; attempt < 2; ++attempt) {
    ApiVersionsRequest request;
    request.client_software_name = "weir";
    request.client_software_version = kVersion;
    const int32_t correlation = next_correlation();
    WEIR_CO_TRY(std::vector<SharedBytes> frame, protocol::request_frame(request, version, correlation, options_.client_id));
    WEIR_CO_TRY(const SharedBytes body, co_await exchange({ApiKey::kApiVersions, version, correlation}, std::move(frame), patience));
    Reader head(body.view());  // in every version the error comes first
    const bool refused = from_wire(head.i16()) == ErrorCode::kUnsupportedVersion;
    WEIR_CO_TRY(const ApiVersionsResponse answer, protocol::decode<ApiVersionsResponse>(body, refused ? int16_t{0} : version));
    for (const auto& row : answer.api_keys) {
      if (row.api_key < 0 || static_cast<size_t>(row.api_key) >= served_.size()) continue;
      served_[static_cast<size_t>(row.api_key)] = {row.min_version, row.max_version};
    }
    if (!refused && answer.error_code != ErrorCode::kNone) {
      co_return fail(answer.error_code, fmt::format("{} refused ApiVersions", to_.text()));
    }
    if (!refused) co_return Result<void>();
    const auto range = served(ApiKey::kApiVersions);
    version = range.empty() ? int16_t{0} : std::min(range.last, static_cast<int16_t>(version - 1));
  }
  co_return fail(ErrorCode::kUnsupportedVersion, fmt::format("{} and this client have no version of ApiVersions in common", to_.text()));
}

Result<int16_t> Connection::version_of(ApiKey key, int16_t version_max) const {
  const protocol::ApiInfo& api = protocol::api_info(key);
  const protocol::VersionRange theirs = served(key);
  if (theirs.empty()) return fail(ErrorCode::kUnsupportedVersion, fmt::format("{} does not serve {}", to_.text(), api.name));
  const int16_t first = std::max(api.stable.first, theirs.first);
  const int16_t last = std::min({api.stable.last, theirs.last, version_max});
  if (first > last) {
    return fail(ErrorCode::kUnsupportedVersion,
                fmt::format("{} serves {} in versions {} to {}, this client speaks {} to {}", to_.text(), api.name, theirs.first,
                            theirs.last, api.stable.first, std::min(api.stable.last, version_max)));
  }
  return last;
}

Task<Result<SharedBytes>> Connection::exchange(Asked asked, std::vector<SharedBytes> frame, Patience patience) {
  if (!open_) co_return fail(ErrorCode::kConnectionClosed, fmt::format("the connection to {} is closed", to_.text()));
  if (unsent_.size() + waiting_.size() >= kInFlightMax) co_return fail(ErrorCode::kUnavailable, "too many requests under way");
  const auto mine = std::make_shared<Exchange>(asked, std::move(frame));
  unsent_.push_back(mine);
  writer_.notify_all();
  while (!mine->outcome) {
    const Result<void> woken = co_await mine->waiter.wait(env_.executor, patience.deadline, patience.stop);
    if (woken || mine->outcome) continue;
    if (woken.error().code() == ErrorCode::kCancelled) co_return fail(ErrorCode::kCancelled);
    const std::string_view what = asked.key ? protocol::name_of(*asked.key) : "the request";
    Error late(ErrorCode::kDeadlineExceeded, fmt::format("{} did not answer {} in time", to_.text(), what));
    close_because(late);
    co_return fail(std::move(late));
  }
  co_return std::move(*mine->outcome);
}

Task<void> Connection::write_loop(std::shared_ptr<Connection> self) {
  while (self->open_) {
    if (self->unsent_.empty()) {
      (void)co_await self->writer_.wait(self->env_.executor);
      continue;
    }
    std::vector<ByteView> parts;
    std::vector<std::shared_ptr<Exchange>> sending;
    while (!self->unsent_.empty() && parts.size() < kSlicesPerWriteMax) {
      const std::shared_ptr<Exchange> next = std::move(self->unsent_.front());
      self->unsent_.pop_front();
      for (const SharedBytes& slice : next->frame) parts.push_back(slice.view());
      if (next->asked.key) self->waiting_.push_back(next);  // before the write: the answer may be faster than its return
      sending.push_back(next);
    }
    const Result<void> written = co_await self->stream_->write_all(parts);
    for (const auto& sent : sending) {
      sent->frame.clear();
      if (!sent->asked.key && !sent->outcome) sent->finish(written ? Result<SharedBytes>() : fail(written.error()));
    }
    if (!written) self->close_because(Error(written.error().code(), fmt::format("the connection to {} broke", self->to_.text())));
  }
}

Task<void> Connection::read_loop(std::shared_ptr<Connection> self) {
  while (self->open_) {
    const Result<SharedBytes> frame = co_await self->read_frame();
    if (!frame) {
      self->close_because(frame.error());
      co_return;
    }
    const Result<void> taken = self->take_answer(*frame);
    if (!taken) self->close_because(taken.error());
  }
}

Task<Result<SharedBytes>> Connection::read_frame() {
  std::byte head[protocol::kFrameSizeBytes];
  WEIR_CO_CHECK(co_await read_exactly(head));
  const auto size = load_be<int32_t>(head);
  if (size < 4 || static_cast<size_t>(size) > options_.frame_bytes_max) {
    if (const std::string_view other = protocol::foreign_protocol(size); !other.empty()) {
      co_return fail(ErrorCode::kMalformedFrame, fmt::format("{} answers in {}: that is no port for Kafka clients in the clear", to_.text(), other));
    }
    co_return fail(ErrorCode::kMalformedFrame, fmt::format("{} sent a frame of {} bytes: is that a Kafka broker?", to_.text(), size));
  }
  const SharedBytes frame = SharedBytes::allocate(static_cast<size_t>(size));
  WEIR_CO_CHECK(co_await read_exactly(frame.mutable_view()));
  co_return frame;
}

Task<Result<void>> Connection::read_exactly(MutableBytes into) {
  while (!into.empty()) {
    const Result<size_t> count = co_await stream_->read_some(into, into.size());
    if (!count) co_return fail(count.error().code(), fmt::format("the connection to {} broke", to_.text()));
    if (*count == 0) co_return fail(ErrorCode::kConnectionClosed, fmt::format("{} closed the connection", to_.text()));
    into = into.subspan(*count);
  }
  co_return Result<void>();
}

Result<void> Connection::take_answer(const SharedBytes& frame) {
  if (waiting_.empty()) return fail(ErrorCode::kMalformedFrame, fmt::format("{} answered what was not asked", to_.text()));
  const std::shared_ptr<Exchange> due = std::move(waiting_.front());
  waiting_.pop_front();
  int32_t correlation = 0;
  auto body_at = protocol::read_response_head(frame, protocol::api_info(*due->asked.key), due->asked.version, correlation);
  if (body_at && correlation != due->asked.correlation) {
    body_at = fail(ErrorCode::kMalformedFrame, fmt::format("{} answered request {} where {} is due", to_.text(), correlation, due->asked.correlation));
  }
  if (!body_at) {
    due->finish(fail(body_at.error()));
    return fail(body_at.error());
  }
  due->finish(frame.slice(*body_at, frame.size() - *body_at));
  return {};
}

void Connection::close() { close_because(Error(ErrorCode::kConnectionClosed, fmt::format("the connection to {} was closed", to_.text()))); }

void Connection::close_because(Error why) {
  if (!open_) return;
  open_ = false;
  if (stream_ != nullptr) stream_->close();
  for (auto* queue : {&waiting_, &unsent_}) {
    for (const auto& exchange : *queue) {
      if (!exchange->outcome) exchange->finish(fail(why));
    }
    queue->clear();
  }
  writer_.notify_all();
}

}  // namespace weir::rpc
