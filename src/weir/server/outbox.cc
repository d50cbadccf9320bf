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
    place.parts = std::move(answer->parts);
    place.bytes_in_memory = answer->bytes_in_memory;
    place.close_after = answer->close_connection;
    unsent_.take(place.bytes_in_memory);
  } else {
    place.close_after = true;
  }
  executor_.at_turn_end(*this);
}

runtime::Task<Outbox::Sent> Outbox::send_ready(runtime::Stream& stream, MonoTime& last_active) {
  if (!is_front_ready()) {
    (void)co_await output_.wait(executor_);
    if (!is_front_ready()) co_return Sent::kSome;
  }
  WEIR_ASSERT(!sending_ && parts_.empty() && views_.empty());
  sending_ = true;
  size_t bytes = 0;
  bool close_after = false;
  while (!close_after && is_front_ready() && parts_.size() < kPartsPerWriteMax) {
    Place& place = places_.front();
    for (protocol::FramePart& part : place.parts) parts_.push_back(std::move(part));
    bytes += place.bytes_in_memory;
    close_after = place.close_after;
    places_.pop_front();
  }
  for (size_t from = 0; from < parts_.size();) {
    const Result<size_t> sent = co_await send_some(stream, from);
    if (!sent) {
      close_after = true;
      break;
    }
    last_active = executor_.now();
    from += *sent;
  }
  unsent_.give_back(bytes);
  parts_.clear();
  views_.clear();
  sending_ = false;
  co_return close_after ? Sent::kClose : Sent::kSome;
}

runtime::Task<Result<size_t>> Outbox::send_some(runtime::Stream& stream, size_t from) {
  if (parts_[from].file != nullptr) {
    WEIR_CO_CHECK(co_await stream.write_file(*parts_[from].file));
    co_return size_t{1};
  }
  views_.clear();
  size_t bytes = 0;
  size_t next = from;
  for (; next < parts_.size() && parts_[next].file == nullptr && bytes < kBytesPerWriteMax; ++next) {
    views_.push_back(parts_[next].bytes.view());
    bytes += views_.back().size();
  }
  const bool file_follows = next < parts_.size() && parts_[next].file != nullptr;
  WEIR_CO_CHECK(co_await stream.write_all(views_, file_follows));
  co_return next - from;
}

void Outbox::shrink() {
  if (sending_ || !is_empty()) return;
  if (parts_.capacity() > kIdlePartsMax) parts_ = {};
  if (views_.capacity() > kIdlePartsMax) views_ = {};
  places_.shrink_to_fit();
}

}  // namespace weir::server
