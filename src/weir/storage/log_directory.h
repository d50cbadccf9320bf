// One log directory while it is in use: its health and its flushes.
//
// Owner    LogManager; outlives the logs in it.
// Holds    once offline, a directory stays offline until the process ends
//
// A sync that fails leaves pages whose fate nobody knows, so it is never tried again: the directory goes offline and every log
// in it fails. The same is true of a failed write, unless it failed for lack of space (or of descriptors): that passes. Its log
// stalls: what was half written is cut off, what waits is written when there is space again, and nothing more is taken.
#pragma once

#include <optional>
#include <string>

#include "weir/base/error.h"
#include "weir/base/intrusive_list.h"
#include "weir/base/log.h"
#include "weir/runtime/semaphore.h"
#include "weir/storage/flush.h"

namespace weir::storage {

// Whether a failed operation of the disk says nothing against the disk: no space, or no descriptors. Not so for a sync that was
// tried: see above.
inline bool is_passing(const Error& error) { return error.code() == ErrorCode::kNoSpace || error.code() == ErrorCode::kUnavailable; }

// Told when the directory goes offline.
class DirectoryUser : public ListHook {
 public:
  virtual void on_directory_failed(const Error& error) = 0;

 protected:
  ~DirectoryUser() = default;
};

// Writes the recovery points and log starts of a directory to disk; LogManager does. A truncation needs it: see Log::truncate_to.
class RecoveryPointWriter {
 public:
  virtual runtime::Task<Result<void>> write_recovery_points() = 0;

 protected:
  ~RecoveryPointWriter() = default;
};

class LogDirectory {
 public:
  LogDirectory(runtime::Executor& executor, std::string path, Logger log) : path_(std::move(path)), log_(log), flushes_(executor) {}
  LogDirectory(const LogDirectory&) = delete;
  LogDirectory& operator=(const LogDirectory&) = delete;

  const std::string& path() const { return path_; }
  bool is_offline() const { return failure_.has_value(); }
  const std::optional<Error>& failure() const { return failure_; }
  // Takes the directory offline; the first error is kept. Its users are told at once.
  void take_offline(const Error& cause);
  // kKafkaStorageError with the reason.
  Error offline_error() const;

  void add_user(DirectoryUser& user) { users_.push_back(user); }
  FlushScheduler& flushes() { return flushes_; }
  // Held by who deletes files of old segments: one at a time, so that syncs, which somebody waits for, do not stand in line behind
  // a hundred of them.
  runtime::Semaphore& deletions() { return deletions_; }

  // Room for clients' records above the reserve, as it was measured and as it was taken since; housekeeping goes on without any.
  // False when `bytes` more do not fit.
  bool take_room(size_t bytes);
  void set_room(int64_t bytes) {
    room_ = bytes;
    refused_ = false;
  }
  // A client was refused since the last measurement.
  bool refused() const { return refused_; }
  // Clients are told that the disk is nearly full; for the log line and its end.
  bool below_reserve() const { return below_reserve_; }
  void set_below_reserve(bool below) { below_reserve_ = below; }

  // The writer of a log waits for space, or goes on; the log line is that of the first and the last.
  void note_stalled(const Error& cause);
  void note_going_on();
  int stalled() const { return stalled_; }

  // nullptr where recovery points are not kept (the quorum's log, tests).
  RecoveryPointWriter* recovery_points = nullptr;

 private:
  std::string path_;
  Logger log_;
  std::optional<Error> failure_;
  bool below_reserve_ = false;
  bool refused_ = false;
  int64_t room_ = INT64_MAX;
  int stalled_ = 0;   // logs
  IntrusiveList<DirectoryUser> users_;
  FlushScheduler flushes_;
  runtime::Semaphore deletions_{1};
};

}  // namespace weir::storage
