// Fetch sessions (KIP-227), the client's half: the broker remembers what was asked, so that a request names only what changed.
//
// Owner    the consumer, one per broker.
// Holds    after an error of the session, or a broken connection, the next request is a full one that opens a new session.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "weir/base/uuid.h"
#include "weir/client/partition_key.h"
#include "weir/protocol/fetch.h"

namespace weir::client {

class FetchSession {
 public:
  struct Wanted {
    PartitionKey key;
    Uuid topic_id;
    protocol::FetchRequest::FetchPartition partition;
  };
  static constexpr int16_t kTopicIdVersion = 13;
  static constexpr int16_t kSessionVersion = 7;

  // Puts `wanted`, sorted by key, into `request` as it must go in `version`.
  void fill(protocol::FetchRequest& request, const std::vector<Wanted>& wanted, int16_t version);
  // After an answer without a top-level error.
  void accept(const protocol::FetchResponse& response);
  void reset();

 private:
  static void name(const Wanted& wanted, int16_t version, std::string& topic, Uuid& topic_id);

  int32_t id_ = 0;
  int32_t epoch_ = 0;
  std::map<PartitionKey, Wanted> known_;  // what the broker remembers
};

}  // namespace weir::client
