#include "weir/rpc/pool.h"

#include <algorithm>

namespace weir::rpc {

namespace {
// Says that the attempt is over however its coroutine ends.
template <typename Place>
struct Attempt {
  explicit Attempt(Place& place) : place(place) { place.connecting = true; }
  ~Attempt() {
    place.connecting = false;
    place.waiters.notify_all();
  }
  Place& place;
};
}  // namespace

Pool::~Pool() {
  for (const auto& [key, place] : places_) {
    if (place->connection) place->connection->close();
  }
}

Task<Result<std::shared_ptr<Connection>>> Pool::connection(runtime::Endpoint to, Lane lane, Patience patience) {
  if (closed_) co_return fail(ErrorCode::kUnavailable, "the client is closed");
  const Key key(to.text(), lane);
  if (places_.size() >= kPlacesMax && !places_.contains(key)) co_return fail(ErrorCode::kUnavailable, "too many brokers");
  std::shared_ptr<Place>& slot = places_[key];
  if (slot == nullptr) slot = std::make_shared<Place>();
  const std::shared_ptr<Place> place = slot;  // shut_down forgets places
  while (place->connecting) WEIR_CO_CHECK(co_await place->waiters.wait(env_.executor, patience.deadline, patience.stop));
  if (closed_) co_return fail(ErrorCode::kUnavailable, "the client is closed");
  if (place->connection && place->connection->is_open()) co_return place->connection;

  const Attempt attempt(*place);
  place->connection.reset();
  if (place->failures > 0 && place->next_attempt > env_.executor.now()) {
    if (place->next_attempt > patience.deadline.when) co_return fail(ErrorCode::kDeadlineExceeded, "no connection to " + to.text());
    WEIR_CO_CHECK(co_await sleep_until(env_.executor, place->next_attempt, patience.stop));
    if (closed_) co_return fail(ErrorCode::kUnavailable, "the client is closed");
  }
  Patience once = patience;
  once.deadline.when = std::min(once.deadline.when, env_.executor.now() + options_.connect_timeout);
  auto opened = co_await Connection::open(env_, loops_, to, options_.connection, once);
  if (!opened) {
    // Who calls it off says nothing about the broker.
    if (opened.error().code() == ErrorCode::kCancelled) co_return fail(ErrorCode::kCancelled);
    place->next_attempt = env_.executor.now() + jittered(options_.backoff.after(++place->failures), env_.random);
    co_return fail(opened.error());
  }
  if (closed_) {
    (*opened)->close();
    co_return fail(ErrorCode::kUnavailable, "the client is closed");
  }
  place->failures = 0;
  place->connection = *opened;
  co_return *opened;
}

void Pool::close_lane(Lane lane) {
  std::erase_if(places_, [&](const auto& place) {
    if (place.first.second != lane || place.second->connecting) return false;
    if (place.second->connection) place.second->connection->close();
    return true;
  });
}

Task<void> Pool::shut_down() {
  closed_ = true;
  for (const auto& [key, place] : places_) {
    if (place->connection) place->connection->close();
    place->waiters.notify_all();
  }
  places_.clear();
  (void)co_await loops_.join();
}

}  // namespace weir::rpc
