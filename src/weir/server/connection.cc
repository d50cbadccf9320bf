#include "weir/server/connection.h"

#include "weir/protocol/api_keys.h"

namespace weir::server {
namespace {
constexpr size_t kFrameLengthBytes = 4;
// How often a connection that waits for room looks whether it still must.
constexpr Duration kRoomCheck = 100ms;
}  // namespace

Connection::Connection(Services& services, const ListenerOptions& listener, std::unique_ptr<runtime::Stream> stream)
    : services_(services),
      listener_(listener),
      stream_(std::move(stream)),
      reader_(services.options.socket_request_max_bytes),
      tasks_(services.environment.executor),
      last_active_(services.environment.executor.now()) {}

Connection::~Connection() {
  services_.bytes.requests.give_back(unanswered_bytes_);
  services_.bytes.answers.give_back(unsent_bytes_);
}

void Connection::close() {
  closing_ = true;
  stop_.request_stop();
  stream_->close();
  room_.notify_all();
  output_.notify_all();
}

void Connection::drain() {
  draining_ = true;
  if (slots_.empty() && unsent_bytes_ == 0) close();
}

Task<void> Connection::serve() {
  runtime::Executor& executor = services_.environment.executor;
  tasks_.spawn(&Connection::write_answers, this);
  executor.arm(*this, executor.now() + services_.options.connections_max_idle);
  co_await take_frames();
  close();
  (void)co_await tasks_.join();
}

Task<void> Connection::take_frames() {
  while (!closing_) {
    if (draining_) {
      (void)co_await room_.wait(services_.environment.executor);
      continue;
    }
    if (must_wait_for_room()) {
      const Result<void> room = co_await room_to_read();
      if (!room) {
        services_.environment.log.warning("closing {}: {}", peer().text(), room.error().message());
        co_return;
      }
      continue;
    }
    const MutableBytes space = reader_.space();
    const Result<size_t> count = co_await stream_->read_some(space);
    if (!count || *count == 0) co_return;
    last_active_ = services_.environment.executor.now();
    reader_.filled(*count);
    unanswered_bytes_ += *count;
    services_.bytes.requests.take(*count);
    while (!closing_ && !draining_) {
      Result<std::optional<SharedBytes>> frame = reader_.next();
      if (!frame) {
        services_.environment.log.info("closing {}: {}", peer().text(), frame.error().describe());
        co_return;
      }
      if (!*frame) break;
      const size_t frame_bytes = kFrameLengthBytes + (*frame)->size();
      Result<Request> request = read_request(std::move(**frame), listener_);
      if (!request) {
        services_.environment.log.info("closing {}: {}", peer().text(), request.error().describe());
        co_return;
      }
      request->info.peer = &stream_->peer();
      request->info.stop = stop_.token();
      co_await dispatch(std::move(*request), frame_bytes);
    }
  }
}

bool Connection::must_wait_for_room() const {
  return services_.bytes.requests.is_full() && (!slots_.empty() || reader_.partial_frame_bytes() > kSmallFrameBytes);
}

// Errors: kUnavailable, when the budget stays used up while this connection holds a part of a large request.
Task<Result<void>> Connection::room_to_read() {
  runtime::Executor& executor = services_.environment.executor;
  MonoTime give_up = executor.now() + kRoomWaitMax;
  while (!closing_ && !draining_ && must_wait_for_room()) {
    if (!slots_.empty()) {
      give_up = executor.now() + kRoomWaitMax;  // what is in process will give room back
    } else if (executor.now() >= give_up) {
      // At once, so that those who wait as well may go on.
      services_.bytes.requests.give_back(std::exchange(unanswered_bytes_, 0));
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
  Slot* const slot = &slots_.emplace_back();
  slot->request_bytes = request_bytes;
  if (overlaps) {
    ++produces_in_flight_;
    tasks_.spawn(&Connection::process, this, std::move(request), slot);
    co_return;
  }
  finish(*slot, co_await answer_request(services_, request), request);
}

Task<void> Connection::process(Connection* self, Request request, Slot* slot) {
  Result<Answer> answer = co_await answer_request(self->services_, request);
  WEIR_ASSERT(self->produces_in_flight_ > 0);
  --self->produces_in_flight_;
  self->finish(*slot, std::move(answer), request);
  self->room_.notify_all();
}

void Connection::finish(Slot& slot, Result<Answer> answer, const Request& request) {
  WEIR_ASSERT(!slot.ready);
  slot.ready = true;
  WEIR_ASSERT(unanswered_bytes_ >= slot.request_bytes, unanswered_bytes_, slot.request_bytes);
  unanswered_bytes_ -= slot.request_bytes;
  services_.bytes.requests.give_back(slot.request_bytes);
  if (answer) {
    slot.slices = std::move(answer->slices);
    slot.bytes = answer->bytes;
    slot.close_after = answer->close_connection;
    unsent_bytes_ += slot.bytes;
    services_.bytes.answers.take(slot.bytes);
  } else {
    services_.environment.log.info("closing {}: {}", peer().text(), answer.error().describe());
    slot.close_after = true;
  }
  last_active_ = services_.environment.executor.now();
  services_.environment.executor.at_turn_end(turn_end_);
}

void Connection::send_ready_answers() {
  if (!slots_.empty() && slots_.front().ready) output_.notify_all();
}

Task<void> Connection::write_answers(Connection* self) {
  std::vector<SharedBytes> slices;
  std::vector<ByteView> parts;
  while (!self->closing_) {
    if (self->slots_.empty() || !self->slots_.front().ready) {
      (void)co_await self->output_.wait(self->services_.environment.executor);
      continue;
    }
    slices.clear();
    parts.clear();
    size_t bytes = 0;
    bool close_after = false;
    while (!close_after && !self->slots_.empty() && self->slots_.front().ready && parts.size() < kSlicesPerWriteMax) {
      Slot& slot = self->slots_.front();
      for (SharedBytes& slice : slot.slices) {
        parts.push_back(slice.view());
        slices.push_back(std::move(slice));
      }
      bytes += slot.bytes;
      close_after = slot.close_after;
      self->slots_.pop_front();
    }
    for (size_t from = 0; from < parts.size();) {
      size_t count = 0;
      for (size_t taken = 0; from + count < parts.size() && taken < kBytesPerWriteMax; ++count) taken += parts[from + count].size();
      const Result<void> sent = co_await self->stream_->write_all(std::span(parts).subspan(from, count));
      if (!sent) {
        close_after = true;
        break;
      }
      self->last_active_ = self->services_.environment.executor.now();
      from += count;
    }
    WEIR_ASSERT(self->unsent_bytes_ >= bytes, self->unsent_bytes_, bytes);
    self->unsent_bytes_ -= bytes;
    self->services_.bytes.answers.give_back(bytes);
    slices.clear();
    if (close_after || (self->draining_ && self->slots_.empty())) self->close();
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
