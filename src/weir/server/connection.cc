#include "weir/server/connection.h"

#include "weir/protocol/frame.h"

namespace weir::server {
namespace {
// How often a connection that waits for room looks whether it still must.
constexpr Duration kRoomCheck = 100ms;
// What arrives below a low-water mark is no activity that we hear of. Where connections are closed sooner than this, every piece of a
// large request is heard; else one that takes longer for half a MiB has lost the patience of its client long before.
constexpr Duration kIdleForLargeReads = 1min;
}  // namespace

Connection::Connection(Services& services, const ListenerOptions& listener, std::unique_ptr<runtime::Stream> stream,
                       RefusalLog& refusals)
    : services_(services),
      listener_(listener),
      stream_(std::move(stream)),
      refusals_(refusals),
      reader_(services.options.socket_request_max_bytes),
      outbox_(services.environment.executor, services.bytes.answers),
      tasks_(services.environment.executor),
      unanswered_(services.bytes.requests),
      last_active_(services.environment.executor.now()) {}

void Connection::close() {
  closing_ = true;
  stop_.request_stop();
  stream_->close();
  room_.notify_all();
  outbox_.wake();
}

void Connection::drain() {
  draining_ = true;
  if (outbox_.is_empty()) close();
}

void Connection::shrink_if_idle() {
  if (services_.environment.executor.now() - last_active_ < kKeepBuffers) return;
  if (awaits_request_ && reader_.holds_idle_block()) reader_.release();
  outbox_.shrink();
}

Task<void> Connection::serve() {
  runtime::Executor& executor = services_.environment.executor;
  tasks_.spawn(&Connection::write_answers, this);
  executor.arm(*this, executor.now() + services_.options.connections_max_idle);
  const Result<void> ended = co_await take_requests();
  if (!ended && ended.error().code() != ErrorCode::kConnectionClosed) say_closing(ended.error());
  close();
  (void)co_await tasks_.join();
}

// Errors: those of read_more and take_frames.
Task<Result<void>> Connection::take_requests() {
  while (!closing_) {
    if (draining_) {
      (void)co_await room_.wait(services_.environment.executor);
    } else if (must_wait_for_room()) {
      WEIR_CO_CHECK(co_await room_to_read());
    } else {
      WEIR_CO_CHECK(co_await read_more());
      WEIR_CO_CHECK(co_await take_frames());
    }
  }
  co_return Result<void>();
}

// Errors: kConnectionClosed, by the peer or here.
Task<Result<void>> Connection::read_more() {
  if (reader_.holds_idle_block()) {
    awaits_request_ = true;
    const Result<void> readable = co_await stream_->readable();
    awaits_request_ = false;
    if (!readable) co_return fail(ErrorCode::kConnectionClosed);
  }
  const MutableBytes space = reader_.space();
  const size_t worth_waking = services_.options.connections_max_idle >= kIdleForLargeReads ? reader_.missing_bytes() : 1;
  const Result<size_t> count = co_await stream_->read_some(space, worth_waking);
  if (!count || *count == 0) co_return fail(ErrorCode::kConnectionClosed);
  last_active_ = services_.environment.executor.now();
  reader_.filled(*count);
  unanswered_.take(*count);
  co_return Result<void>();
}

// Every frame that is there whole. Errors: of a frame that cannot be understood, those of FrameReader::next and read_request.
Task<Result<void>> Connection::take_frames() {
  while (!closing_ && !draining_) {
    WEIR_CO_TRY(std::optional<SharedBytes> frame, reader_.next());
    if (!frame) break;
    const size_t frame_bytes = protocol::kFrameSizeBytes + frame->size();
    WEIR_CO_TRY(Request request, read_request(std::move(*frame), listener_));
    request.info.peer = &stream_->peer();
    request.info.stop = stop_.token();
    co_await dispatch(std::move(request), frame_bytes);
  }
  co_return Result<void>();
}

bool Connection::must_wait_for_room() const {
  return services_.bytes.requests.is_full() && (outbox_.places() > 0 || reader_.partial_frame_bytes() > kSmallFrameBytes);
}

// Errors: kUnavailable, when the budget stays used up while this connection holds a part of a large request.
Task<Result<void>> Connection::room_to_read() {
  runtime::Executor& executor = services_.environment.executor;
  MonoTime give_up = executor.now() + kRoomWaitMax;
  while (!closing_ && !draining_ && must_wait_for_room()) {
    if (outbox_.places() > 0) {
      give_up = executor.now() + kRoomWaitMax;  // what is in process will give room back
    } else if (executor.now() >= give_up) {
      // At once, so that those who wait as well may go on.
      unanswered_.give_back_all();
      co_return fail(ErrorCode::kUnavailable, fmt::format("no room for its request of {} bytes while requests in process hold {} bytes",
                                                          reader_.partial_frame_bytes(), services_.bytes.requests.used()));
    }
    (void)co_await services_.bytes.requests.freed().wait(executor, Deadline::at(executor.now() + kRoomCheck), stop_.token());
  }
  co_return Result<void>();
}

Task<void> Connection::dispatch(Request request, size_t request_bytes) {
  const bool overlaps = request.info.api_key == static_cast<int16_t>(protocol::ApiKey::kProduce);
  // A Produce waits only for a free place; anything else also for every request before it.
  while (!closing_ && (!may_take_more() || (!overlaps && produces_in_flight_ > 0))) {
    (void)co_await room_.wait(services_.environment.executor);
  }
  if (closing_) co_return;
  Outbox::Place* const place = &outbox_.take_place(request_bytes);
  if (overlaps) {
    ++produces_in_flight_;
    tasks_.spawn(&Connection::process, this, std::move(request), place);
    co_return;
  }
  Result<Answer> answer = co_await answer_request(services_, request);
  finish(*place, std::move(answer));
}

Task<void> Connection::process(Connection* self, Request request, Outbox::Place* place) {
  Result<Answer> answer = co_await answer_request(self->services_, request);
  WEIR_ASSERT(self->produces_in_flight_ > 0);
  --self->produces_in_flight_;
  self->finish(*place, std::move(answer));
  self->room_.notify_all();
}

void Connection::say_closing(const Error& why) {
  refusals_.say(services_.environment.executor.now(), fmt::format("closing {}: {}", peer().text(), why.describe()));
}

void Connection::finish(Outbox::Place& place, Result<Answer> answer) {
  unanswered_.give_back(place.request_bytes);
  if (!answer) say_closing(answer.error());
  last_active_ = services_.environment.executor.now();
  outbox_.put(place, std::move(answer));
}

Task<void> Connection::write_answers(Connection* self) {
  while (!self->closing_) {
    const Outbox::Sent sent = co_await self->outbox_.send_ready(*self->stream_, self->last_active_);
    if (sent == Outbox::Sent::kClose || (self->draining_ && self->outbox_.is_empty())) self->close();
    self->room_.notify_all();
  }
}

// A request in process does not count as activity, as in Kafka: its client may be gone, and its wait may be as long as it asked.
void Connection::on_fire() {
  runtime::Executor& executor = services_.environment.executor;
  const MonoTime idle_until = last_active_ + services_.options.connections_max_idle;
  if (idle_until > executor.now()) {
    executor.arm(*this, std::max(idle_until, executor.now() + 1s));
    return;
  }
  services_.environment.log.debug("closing {}: idle", peer().text());
  close();
}

}  // namespace weir::server
