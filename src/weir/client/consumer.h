// Reads partitions that the caller names: fetches ahead from every leader, keeps a bounded stock, hands it out batch by batch.
//
// Owner    the program; borrows the cluster, which outlives it. close() before destroying it.
// Shard    one.
// Holds    - each partition's records come in order, none twice, none left out but those of aborted transactions (with
//            read_committed), control records, and what the broker has deleted or compacted
//          - one request is under way per broker; the stock is fetched on only below prefetch_bytes, and a partition has at
//            most kChunksMax answers in it
//          - an answer that does not come through in time is asked for again by half, so that a slow way is no dead end
//          - the leader epoch of the last record is sent along: a log that was cut behind us is noticed
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "weir/client/admin.h"
#include "weir/client/cluster.h"
#include "weir/client/fetch_session.h"
#include "weir/codec/compression.h"
#include "weir/record/record.h"
#include "weir/runtime/event.h"

namespace weir::client {

// Where to begin.
struct Start {
  enum class Kind : uint8_t { kBeginning, kEnd, kOffset, kTimestamp };
  Kind kind = Kind::kBeginning;
  int64_t value = 0;  // the offset, or milliseconds
  LeaderEpoch leader_epoch = kNoLeaderEpoch;  // of the record before the offset, when known: tells a log that was cut
};

struct ConsumerOptions {
  Duration wait_max = 500ms;  // the broker waits that long for bytes_min
  int32_t bytes_min = 1;
  int32_t bytes_max = 50 << 20;
  int32_t partition_bytes_max = 1 << 20;
  size_t prefetch_bytes = 32 << 20;
  size_t batch_bytes_max = 512 << 20;  // of one batch without compression
  bool read_committed = false;
  bool checks_crc = true;
  // Where to go on when the offset is not in the log; none: the error is the caller's.
  std::optional<Start::Kind> reset;
};

// The records of one batch. Views live as long as this.
struct ConsumedBatch {
  std::string topic;
  PartitionIndex partition;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::vector<record::Record> records;
  SharedBytes bytes;
  Bytes scratch;
};

class Consumer {
 public:
  static constexpr size_t kChunksMax = 2;

  Consumer(Cluster& cluster, ConsumerOptions options);
  ~Consumer();

  // Adds a partition, or moves one that is there already (what was fetched of it is dropped).
  void assign(std::string topic, PartitionIndex partition, Start start);
  void unassign(const std::string& topic, PartitionIndex partition);

  // The next batch with a record in it; none when the patience's deadline passes first. Errors: kCancelled; of a partition,
  // with its name, each once, after which that partition rests: kOffsetOutOfRange, kCorruptMessage, and what a broker refuses.
  Task<Result<std::optional<ConsumedBatch>>> poll(Patience patience);

  // The offset of the next record that poll may return, also after an error: what could not be read is not behind us. None until
  // it is known.
  std::optional<Offset> position(const std::string& topic, PartitionIndex partition) const;
  // The leader epoch of what poll returned last.
  LeaderEpoch position_epoch(const std::string& topic, PartitionIndex partition) const;
  // Of the last answer; kNoOffset before the first.
  Offset high_watermark(const std::string& topic, PartitionIndex partition) const;

  // A poll that waits returns none now; without one, the next poll does.
  void interrupt() {
    interrupted_ = true;
    news_.notify_all();
  }

  Task<void> close();

 private:
  struct Chunk {
    SharedBytes bytes;
    size_t at = 0;  // of the next batch
    std::vector<std::pair<Offset, ProducerId>> aborted;  // by first offset; those behind `at` are gone
    std::map<ProducerId, bool> aborting;
  };
  // A partition since it was assigned: assigned anew it is another Place, and what was asked for this one changes nothing.
  struct Place {
    PartitionKey key;
    Start start;
    std::optional<Offset> fetch_from;
    std::optional<Offset> deliver_from;
    LeaderEpoch last_epoch = kNoLeaderEpoch;     // of what was fetched last
    LeaderEpoch deliver_epoch = kNoLeaderEpoch;  // of what was handed out last
    Offset high_watermark = kNoOffset;
    BrokerId leader = kNoBroker;
    LeaderEpoch leader_epoch = kNoLeaderEpoch;
    Uuid topic_id;
    std::deque<Chunk> chunks;
    MonoTime not_before;
    int failures = 0;
    std::optional<Error> error;
    bool rests = false;
  };
  struct Fetcher {
    bool running = false;
    FetchSession session;
    int halvings = 0;       // of what is asked for: answers did not come through in time
    int good_answers = 0;   // since the last one that did not
  };
  using PlacePtr = std::shared_ptr<Place>;

  void start_what_is_due();
  MonoTime next_due() const;
  bool is_fetchable(const Place& place) const;
  static Task<void> resolve(Consumer* self);
  Task<Result<void>> resolve_topic(std::string topic);
  Task<Result<std::vector<PlacePtr>>> begin_at(std::string topic, std::vector<PlacePtr> places, int64_t timestamp, Patience patience);
  bool is_current(const PlacePtr& place) const;
  static Task<void> fetch_from(Consumer* self, BrokerId broker);
  struct Asked {
    PlacePtr place;
    Offset offset;
  };
  // What one request asks of one broker.
  struct Round {
    std::vector<FetchSession::Wanted> wanted;  // by key
    std::map<PartitionKey, Asked> asked;       // the same
    int16_t version_max = INT16_MAX;
    int16_t version = -1;                      // in which it was sent; none: it was not
  };
  Round next_round(BrokerId broker, const Fetcher& fetcher) const;
  Task<bool> fetch_once(BrokerId broker, Fetcher& fetcher);
  Task<Result<protocol::FetchResponse>> ask(ConnectionPtr connection, Fetcher& fetcher, Round& round, Patience patience);
  void round_failed(Fetcher& fetcher, const Round& round, const Error& error);
  void take_all(const Round& round, protocol::FetchResponse& answer);
  void take(const Asked& asked, protocol::FetchResponse::PartitionData& answer);
  void take_records(Place& place, protocol::FetchResponse::PartitionData& answer);
  void out_of_range(Place& place);
  void again_later(Place& place, bool refresh);
  Result<std::optional<ConsumedBatch>> next_batch(Place& place);
  Result<ConsumedBatch> read_batch(const Place& place, SharedBytes bytes);
  bool is_aborted(Chunk& chunk, const record::BatchView& batch) const;

  Cluster& cluster_;
  runtime::Environment& env_;
  ConsumerOptions options_;
  Admin admin_;
  codec::Codecs codecs_;
  std::map<PartitionKey, PlacePtr> places_;
  std::map<BrokerId, Fetcher> fetchers_;
  std::optional<PartitionKey> last_polled_;
  size_t stock_bytes_ = 0;
  bool resolving_ = false;
  bool interrupted_ = false;
  rpc::Lane lane_;
  runtime::WaitQueue news_;
  runtime::StopSource stop_;
  runtime::TaskGroup tasks_;
};

}  // namespace weir::client
