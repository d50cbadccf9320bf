// All partitions' logs of one node, in one or more log directories.
//
// Owner    node (through server's broker object).
// Shard    one; everything here, and every Log it hands out, belongs to it.
// Format   docs/formats/log-directory.md: meta.properties, checkpoints, .lock, .kafka_cleanshutdown.
// Holds    - a partition's log lies in exactly one directory
//          - a directory is locked from open() until close() or destruction
//          - .kafka_cleanshutdown exists only while nothing is open: open() removes it, close() writes it last
//          - recovery points on disk never name an offset that was not synced
//
// Order of a start:  open() -> raft opens __cluster_metadata-0 with services() -> load() -> create_log(), find(), ...
// __cluster_metadata-0 is never among the logs here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/uuid.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/stop.h"
#include "weir/runtime/task.h"
#include "weir/storage/log.h"
#include "weir/storage/topic_partition.h"

namespace weir::storage {

struct LogManagerOptions {
  std::vector<std::string> dirs;                    // log.dirs; absolute paths, at least one
  std::string cluster_id;                           // empty: take the one found in meta.properties
  BrokerId node_id{0};
  LogOptions defaults;                              // of logs until set_options()
  size_t tail_cache_bytes = 64 << 20;               // of the newest batches of all logs
  size_t range_bytes_min = kRangeBytesMin;          // so many are sent from their file, unread
  size_t open_files_max = 20000;
  // After an unclean stop: a log with more bytes to look through than this is left until the others are loaded, and, unless it
  // is one of an internal topic, until after load(), smallest first. See next_recovered().
  int64_t recover_at_once_bytes = 1 << 20;
  bool serve_while_recovering = false;
  int recoveries_in_parallel_max = 8;               // num.recovery.threads.per.data.dir, in our way
  int64_t disk_reserve_bytes = -1;                  // clients stop when less is free; -1: disk_reserve() of the disk
  int64_t recovery_point_checkpoint_ms = 60000;     // log.flush.offset.checkpoint.interval.ms
  int64_t log_start_checkpoint_ms = 60000;          // log.flush.start.offset.checkpoint.interval.ms
  int64_t high_watermark_checkpoint_ms = 5000;      // replica.high.watermark.checkpoint.interval.ms
  bool planted_forget_start_offsets = false;        // tests of the tests: save_start_offsets() saves nothing
};

// What is kept free for housekeeping: 1 % of the disk, at least 256 MiB and at most 8 GiB, but no more than 1/8 of a small disk.
int64_t disk_reserve(int64_t disk_bytes);

// A log found at load().
struct FoundLog {
  TopicPartition partition;
  Uuid topic_id;        // of partition.metadata; zero when the file is not there
  Log* log = nullptr;
};

// What is left to recover in one directory.
struct RecoveryLeft {
  size_t logs = 0;
  size_t segments = 0;
  int64_t bytes = 0;
};

struct DirectoryInfo {
  std::string path;
  Uuid id;                             // directory.id
  bool was_clean = false;              // the last stop was clean
  int64_t previous_broker_epoch = -1;  // of .kafka_cleanshutdown; -1 when unknown or not clean
  std::optional<Error> failure;        // offline
};

class LogManager {
 public:
  // Creates missing directories, locks each, checks meta.properties, reads checkpoints and the clean marker (and removes it).
  // At least one directory must be formatted; others that are empty are given a meta.properties.
  // Errors, each a sentence for the operator: kLocked (with the pid), kPermissionDenied, kMalformedFile,
  // kInconsistentClusterId, kInvalidConfig (another node.id, a directory twice), kNotFound (no directory is formatted),
  // kDiskError. `environment` must outlive the manager.
  static Task<Result<std::unique_ptr<LogManager>>> open(runtime::Environment& environment, LogManagerOptions options);
  ~LogManager();
  LogManager(const LogManager&) = delete;
  LogManager& operator=(const LogManager&) = delete;

  // For a log that its caller owns and opens with Log::open(): the quorum's. It must be closed and destroyed before the manager.
  LogServices services(size_t directory = 0);
  const std::string& cluster_id() const;
  std::vector<DirectoryInfo> directories() const;

  // Opens the logs of all partitions: cheaply after a clean stop, else with recovery, so many at a time. Starts the periodic
  // checkpoints. Half-finished deletions (-delete) are taken up again; directories that are no logs are named in the log and
  // left alone. A directory that fails goes offline; the rest serves. A log that cannot be read is left out, with an error
  // line, and create_log() says the same again; its checkpoint entries stay. Errors: kKafkaStorageError (every directory is offline).
  Task<Result<void>> load();
  // Of the load() that follows.
  void set_recoveries_in_parallel(int most);
  std::vector<FoundLog> logs() const;
  // By directory; all zeros when nothing is left.
  std::vector<RecoveryLeft> recovery_left() const;
  // With serve_while_recovering: the next partition whose log load() had left and that can be served now; nullopt when there is
  // none any more, or `stop` says so. Until then create_log() answers kUnavailable for it and find() does not find it.
  Task<std::optional<TopicPartition>> next_recovered(runtime::StopToken stop);
  bool is_recovering(std::string_view topic, PartitionIndex partition) const;

  // nullptr when there is none. The pointer is good until delete_log() or close().
  Log* find(std::string_view topic, PartitionIndex partition) const;
  // partition.metadata's id of a log; zero when unknown.
  Uuid topic_id(std::string_view topic, PartitionIndex partition) const;
  // Index into directories() of a log's directory; the log must exist.
  size_t directory_of(std::string_view topic, PartitionIndex partition) const;

  // Whether records of the partition may be on this node already.
  enum class Existence : uint8_t { kNew, kMayExist };
  // Creates the log in the online directory with the fewest logs, or returns the one that is there. A log that load() could not
  // read stays as it is and fails here for the same reason, unless `topic_id` says that it was another topic's: then it is set
  // aside as a stray. Errors: kInconsistentTopicId (there is one of another topic id), kInvalidTopicException,
  // kKafkaStorageError (also: kMayExist, and a directory that may hold it is offline).
  Task<Result<Log*>> create_log(std::string topic, PartitionIndex partition, Uuid topic_id, LogOptions options,
                                Existence existence = Existence::kNew);
  struct NewLog {
    std::string topic;
    PartitionIndex partition;
    Uuid topic_id;
    LogOptions options;
    Existence existence = Existence::kNew;
  };
  // The same for many, with one answer each in their order; thousands cost two syncs of the file system, not several each.
  Task<std::vector<Result<Log*>>> create_logs(std::vector<NewLog> wanted);
  // The directory is renamed to <topic>-<p>.<uuid>-delete before this returns and removed after file.delete.delay.ms.
  // Nobody may use the Log any more. Success when there is none.
  Task<Result<void>> delete_log(std::string topic, PartitionIndex partition);
  // The same for a log whose topic is not in the metadata any more: renamed to ...-stray and kept.
  Task<Result<void>> set_aside_stray(std::string topic, PartitionIndex partition);

  // Writes the log-start checkpoint of every directory whose logs' starts have moved: from then on they stay moved, whatever
  // happens. Errors: kDiskError, kNoSpace, kKafkaStorageError, of any directory.
  Task<Result<void>> save_start_offsets();
  // Writes the recovery-point, log-start and replication checkpoints of all directories now.
  Task<Result<void>> write_checkpoints();

  // Clean stop: closes every log, writes the checkpoints and at last .kafka_cleanshutdown with `broker_epoch`; not where a log
  // could not be read after an unclean stop: it still needs its recovery.
  Task<Result<void>> close(BrokerEpoch broker_epoch);

 private:
  class Core;
  explicit LogManager(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace weir::storage
