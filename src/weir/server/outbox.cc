#include "weir/server/outbox.h"

namespace weir::server {

Outbox::Place& Outbox::take_place(size_t request_bytes) {
  Place& place = places_.emplace_back();
  place.request_bytes = request_bytes;
  return place;
}

void Outbox::put(Place& place, Result<Answer> answer) {
  WEIR_ASSERT(!place.ready);
  place.ready = true;
  if (answer) {
    place.slices = std::move(answer->slices);
    place.bytes = answer->bytes;
    place.close_after = answer->close_connection;
    unsent_bytes_ += place.bytes;
    budget_.take(place.bytes);
  } else {
    place.close_after = true;
  }
  executor_.at_turn_end(*this);
}

Task<Outbox::Sent> Outbox::send_ready(runtime::Stream& stream, MonoTime& last_active) {
  if (!is_front_ready()) {
    (void)co_await output_.wait(executor_);
    if (!is_front_ready()) co_return Sent::kSome;
  }
  WEIR_ASSERT(!sending_ && slices_.empty() && parts_.empty());
  sending_ = true;
  size_t bytes = 0;
  bool close_after = false;
  while (!close_after && is_front_ready() && parts_.size() < kSlicesPerWriteMax) {
    Place& place = places_.front();
    for (SharedBytes& slice : place.slices) {
      parts_.push_back(slice.view());
      slices_.push_back(std::move(slice));
    }
    bytes += place.bytes;
    close_after = place.close_after;
    places_.pop_front();
  }
  for (size_t from = 0; from < parts_.size();) {
    size_t count = 0;
    for (size_t taken = 0; from + count < parts_.size() && taken < kBytesPerWriteMax; ++count) taken += parts_[from + count].size();
    const Result<void> sent = co_await stream.write_all(std::span(parts_).subspan(from, count));
    if (!sent) {
      close_after = true;
      break;
    }
    last_active = executor_.now();
    from += count;
  }
  WEIR_ASSERT(unsent_bytes_ >= bytes, unsent_bytes_, bytes);
  unsent_bytes_ -= bytes;
  budget_.give_back(bytes);
  slices_.clear();
  parts_.clear();
  sending_ = false;
  co_return close_after ? Sent::kClose : Sent::kSome;
}

void Outbox::shrink() {
  if (sending_ || !is_empty()) return;
  if (slices_.capacity() > kIdleSlicesMax) slices_ = {};
  if (parts_.capacity() > kIdleSlicesMax) parts_ = {};
  places_.shrink_to_fit();
}

}  // namespace weir::server
