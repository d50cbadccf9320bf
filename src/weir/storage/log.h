// One partition's log: an unbroken run of segments in one log directory.
//
// Owner    storage::LogManager; replication::Partition is its only writer and its observer. (The quorum's log is owned by raft.)
// Shard    the partition's; nothing here is shared.
// Format   docs/formats/segment.md, docs/formats/indexes.md (Kafka's own files, byte for byte).
// Holds    - segments are sorted by base offset; each ends at or before the next one's base offset
//          - start_offset() <= end_offset(), recovery_point() <= durable_end() <= written_end() <= end_offset()
//          - a reader never sees a byte whose write has not returned
//          - offsets leave append() in call order, without a gap
//          - once failed, a log stays failed: every call but the plain getters answers kKafkaStorageError
//
// append() is a plain function: it assigns offsets, remembers the producer's sequence and queues the bytes as one step. The
// queue leaves with one write at the end of the loop's turn; written() and durable(), or the observer, say how far that got.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/file_range.h"
#include "weir/base/ids.h"
#include "weir/base/time.h"
#include "weir/codec/compression.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/task.h"
#include "weir/storage/log_options.h"

namespace weir::storage {

using runtime::Task;

class LogDirectory;
class FileCache;
class TailCache;

// Fewer bytes are read and sent from memory: finding a range costs three small reads.
inline constexpr size_t kRangeBytesMin = 32 << 10;

// What the logs of one shard share; outlives them all. LogManager::services() makes one.
struct LogServices {
  runtime::Environment& environment;
  LogDirectory& directory;   // health and flushes of the directory the log lies in
  FileCache& files;          // open descriptors
  TailCache& tail_cache;     // newest batches in memory, one budget
  size_t range_bytes_min = kRangeBytesMin;
};

// Who made a batch; decides which producer checks apply.
enum class AppendOrigin : uint8_t {
  kClient,        // sequences are checked, control batches are the caller's mistake
  kCoordinator,   // transaction markers and the coordinators' own records
  kRaftLeader,    // the metadata quorum: nothing about producers
};

struct AppendInfo {
  LeaderEpoch leader_epoch{0};
  TimestampMs now = kNoTimestamp;                  // wall clock of the caller's validation
  AppendOrigin origin = AppendOrigin::kClient;
};

struct AppendResult {
  Offset base_offset;                       // of the first record
  Offset last_offset;                       // of the last
  TimestampMs append_time = kNoTimestamp;   // under LogAppendTime, or of the original of a duplicate
  bool duplicate = false;                   // the producer sent this batch before: nothing appended, these are the old offsets
};

struct ReadResult {
  std::vector<SharedBytes> slices;   // whole batches, in order; the first holds or follows the offset asked for
  size_t bytes = 0;                  // of all slices
  Offset next_offset;                // after the last batch, or the offset asked for when there is none
};

// Whole batches as they lie in a file.
struct LogRange {
  FileRange file;
  Offset next_offset;   // after the last batch
};

struct TimestampOffset {
  TimestampMs timestamp = kNoTimestamp;
  Offset offset = kNoOffset;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
};

struct EpochEnd {
  LeaderEpoch leader_epoch = kNoLeaderEpoch;   // the largest epoch known that is not above the one asked for
  Offset end_offset = kNoOffset;               // where it ends; both -1 when the epoch asked for is not known yet
};

struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;          // of the abort marker
  Offset last_stable_offset;   // when it was aborted
};

// A row of DescribeProducers.
struct ProducerInfo {
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  int32_t last_sequence = -1;
  TimestampMs last_timestamp = kNoTimestamp;
  int32_t coordinator_epoch = -1;
  Offset transaction_start = kNoOffset;   // of the transaction that is open, -1 without
};

// Told about progress on the shard, from inside the log's writer: do little, never destroy the log from here.
class LogObserver {
 public:
  virtual void on_written(Offset written_end) = 0;   // written_end() has moved
  virtual void on_durable(Offset durable_end) = 0;   // durable_end() has moved
  virtual void on_start_moved(Offset start) = 0;     // start_offset() has moved up
  virtual void on_failed(const Error& error) = 0;    // once; the log is of no more use
 protected:
  ~LogObserver() = default;
};

class Log {
 public:
  // Opens or creates the log in the directory `path` ("/data/orders-0"). Recovers what `recovery` does not vouch for.
  // `services` must outlive the log. Errors: kKafkaStorageError (the directory is offline), kDiskError, kNoSpace,
  // kCorruptMessage (a segment below the recovery point cannot be read).
  static Task<Result<std::unique_ptr<Log>>> open(LogServices services, std::string path, LogOptions options, LogRecovery recovery);
  // A log that begins at offset 0 in a directory that was made for it just now and is durable. Nothing is read or written:
  // its first file comes with its first batch.
  static std::unique_ptr<Log> make(LogServices services, std::string path, LogOptions options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // `batch` is one whole batch of magic 2 whose CRC and records the caller has checked, and whose bytes nobody else reads:
  // its base offset and leader epoch are patched in place and it is written from where it lies.
  // Errors, which leave no trace: kOutOfOrderSequenceNumber, kInvalidProducerEpoch, kInvalidTxnState,
  // kTransactionCoordinatorFenced (a marker of an old coordinator), kRecordListTooLarge (larger than a segment),
  // kKafkaStorageError (failed, offline, closing, or the disk reserve is reached).
  Result<AppendResult> append(SharedBytes batch, const AppendInfo& info);

  // Notes that leadership in `epoch` begins at end_offset(): what a new leader does before it serves, so that questions about
  // the epoch are answered before its first record.
  void begin_epoch(LeaderEpoch epoch);

  Offset start_offset() const;      // of the first record that may be read
  Offset end_offset() const;        // the next one to be assigned
  Offset written_end() const;       // everything below is written and can be read
  Offset durable_end() const;       // everything below survives a power cut
  Offset recovery_point() const;    // everything below needs no recovery; what the checkpoint records
  int64_t size_bytes() const;       // of all segments
  Offset oldest_segment() const;    // base offset of the first segment; may lie below start_offset()
  const std::string& path() const;
  LeaderEpoch latest_epoch() const; // of the newest batch, kNoLeaderEpoch in an empty log
  const std::optional<Error>& failure() const;

  // Resolve when every offset below `offset` is written, or durable; durable() asks for a flush where none is under way.
  // Errors: kKafkaStorageError, kDeadlineExceeded.
  Task<Result<void>> written(Offset offset, Deadline deadline);
  Task<Result<void>> durable(Offset offset, Deadline deadline);
  // At most one; nullptr to stop.
  void observe(LogObserver* observer);

  // Whole batches from the one that holds `from` (or the next, after compaction) that end at or before `below`, up to
  // `bytes_max` bytes; with `at_least_one_batch` the first one even when it is larger. `below` above written_end() counts as
  // written_end(). Empty when from == below. Errors: kOffsetOutOfRange (from < start_offset() or > end_offset()),
  // kCorruptMessage, kKafkaStorageError.
  Task<Result<ReadResult>> read(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch);
  // The same without waiting: nullopt when the batches are not in the tail cache.
  Result<std::optional<ReadResult>> read_tail(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch) const;

  // What read() would return, as a range of a file, for who sends it on without looking at it. nullopt where there is no such
  // range, it is too short, or the file cannot be read: then read(), which says why.
  Task<std::optional<LogRange>> find_range(Offset from, Offset below, size_t bytes_max);

  // The first record below `below` whose timestamp is at least `target`; nullopt when there is none.
  Task<Result<std::optional<TimestampOffset>>> offset_for_timestamp(TimestampMs target, Offset below, codec::Codecs& codecs);
  // The first record with the largest timestamp, when it is written; nullopt in a log without timestamps.
  // Errors: kDeadlineExceeded (it waits for space).
  Task<Result<std::optional<TimestampOffset>>> max_timestamp(codec::Codecs& codecs, Deadline deadline);
  // Kafka's OffsetForLeaderEpoch: end offset of the largest epoch <= `epoch`.
  EpochEnd end_offset_for_epoch(LeaderEpoch epoch) const;
  // The epoch of the record at `offset`, kNoLeaderEpoch when not known.
  LeaderEpoch epoch_at(Offset offset) const;
  // Aborted transactions with data in [from, below).
  Task<Result<std::vector<AbortedTransaction>>> aborted_transactions(Offset from, Offset below);
  // Below this offset every transaction is decided, given what is replicated: min(high watermark, first open transaction).
  Offset last_stable_offset(Offset high_watermark) const;
  std::vector<ProducerInfo> producers() const;

  // Moves the log start forward (DeleteRecords, retention, snapshots of the quorum). Segments wholly below it leave the log in
  // the background and the disk after file.delete.delay.ms. A power cut may bring back the old start until
  // LogManager::save_start_offsets(). Lower than start_offset(): nothing happens. Errors: kOffsetOutOfRange (above `high_watermark`),
  // kDeadlineExceeded (others have the files, the start is where it was).
  Task<Result<void>> advance_start_offset(Offset offset, Offset high_watermark, Deadline deadline = Deadline::never());
  // Drops everything at and after `offset`, which falls back to the beginning of the batch that holds it.
  Task<Result<void>> truncate_to(Offset offset);
  // Drops everything; the next offset, and the log start, become `offset`.
  Task<Result<void>> truncate_fully_and_start_at(Offset offset);
  // Moves the log start over segments that retention.ms or retention.bytes no longer protect, all below `high_watermark`;
  // returns how many. They are removed in the background, as above.
  Task<Result<int>> apply_retention(Offset high_watermark, TimestampMs now);

  // Syncs everything appended so far, with indexes and epochs, so that recovery_point() reaches end_offset().
  Task<Result<void>> flush();
  // Clean stop: writes what is queued, flushes, leaves a producer snapshot at end_offset() and exactly sized indexes. No
  // append is taken afterwards. The log may be destroyed when it returns.
  Task<Result<void>> close();
  // Stops without promising anything about the files (the directory is about to be deleted, or is offline).
  Task<void> abandon();

  const LogOptions& options() const;
  void set_options(const LogOptions& options);
  // What the replication checkpoint records for this log; replication::Partition keeps it up to date.
  void note_high_watermark(Offset high_watermark);
  Offset noted_high_watermark() const;

 private:
  class Core;
  explicit Log(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace weir::storage
