// Connections to many brokers, made when first asked for and made again after they broke, not faster than the backoff says.
//
// Owner    a client. shut_down() before destroying it.
// Shard    one.
// Holds    - at most one connection per endpoint and lane; callers that ask while it is being made wait for the same one
//          - after failures in a row the next attempt waits as `backoff` says, 20 % more or less; one that was called off is none
//          - at most kPlacesMax endpoints and lanes
#pragma once

#include <map>
#include <memory>
#include <string>

#include "weir/rpc/backoff.h"
#include "weir/rpc/connection.h"

namespace weir::rpc {

struct PoolOptions {
  ConnectionOptions connection;
  Duration connect_timeout = 10s;  // of one attempt, versions included
  Backoff backoff{.first = 50ms, .max = 1s};
};

// Requests that a broker may hold for long (Fetch, JoinGroup) do not share a connection with those that are answered at once,
// nor with those of somebody else who waits: from kOwn on each number is one owner's.
enum class Lane : uint32_t { kQuick, kOwn };

class Pool {
 public:
  static constexpr size_t kPlacesMax = 4096;

  Pool(runtime::Environment env, PoolOptions options) : env_(env), options_(std::move(options)), loops_(env.executor) {}
  ~Pool();

  // One attempt at most; the one that is there when it is open. Errors: those of Connection::open, of this attempt or of the
  // one that was under way; kUnavailable after shut_down.
  Task<Result<std::shared_ptr<Connection>>> connection(runtime::Endpoint to, Lane lane, Patience patience);

  // Closes the connections of `lane`; whoever asks again opens new ones.
  void close_lane(Lane lane);

  // Closes every connection and waits until their loops have ended.
  Task<void> shut_down();

 private:
  struct Place {
    std::shared_ptr<Connection> connection;
    bool connecting = false;
    runtime::WaitQueue waiters;
    int failures = 0;
    MonoTime next_attempt;
  };
  using Key = std::pair<std::string, Lane>;

  runtime::Environment env_;
  PoolOptions options_;
  bool closed_ = false;
  std::map<Key, std::shared_ptr<Place>> places_;
  runtime::TaskGroup loops_;
};

}  // namespace weir::rpc
