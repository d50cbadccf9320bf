// The inside of a Log. One object, its functions in files by what they do:
//   log.cc            the contract's functions, waiting, failing, closing
//   log_append.cc     append: producer checks, rolling, queueing
//   log_write.cc      the writer: one write a turn, waiting for space
//   log_flush.cc      what a flush syncs
//   log_read.cc       reads, timestamps, aborted transactions
//   log_load.cc       opening; what a clean stop left is believed after a look
//   log_recover.cc    reading again what lies behind the recovery point
//   log_producers.cc  producer state: accounting, snapshots, making it anew
//   log_truncate.cc   cutting the end off
//   log_start.cc      moving the start: DeleteRecords, retention, removal
//
// Who may run at the same time: append at any moment; one writer task; and of flush, truncation, start offset, retention and
// close one at a time (`maintenance_`). The writer never takes `maintenance_`; who needs it idle waits for it.
#pragma once

#include <algorithm>
#include <deque>

#include "weir/runtime/semaphore.h"
#include "weir/runtime/task_group.h"
#include "weir/runtime/wait_queue.h"
#include "weir/storage/leader_epoch_cache.h"
#include "weir/storage/log.h"
#include "weir/storage/log_directory.h"
#include "weir/storage/producer_state.h"
#include "weir/storage/segment.h"
#include "weir/storage/tail_cache.h"

namespace weir::storage {

class Log::Core final : public Flushable, private runtime::TurnHook, private DirectoryUser, private runtime::Timer {
 public:
  Core(LogServices services, std::string path, LogOptions options);
  ~Core() override;

  Task<Result<void>> load(LogRecovery recovery);
  void begin_empty();

  Result<AppendResult> append(SharedBytes batch, const AppendInfo& info);
  Task<Result<void>> wait_written(Offset offset, Deadline deadline);
  Task<Result<void>> wait_durable(Offset offset, Deadline deadline);

  Result<std::optional<ReadResult>> read_tail(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch) const;
  Task<Result<ReadResult>> read(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch);
  Task<std::optional<LogRange>> find_range(Offset from, Offset below, size_t bytes_max);
  Task<Result<std::optional<TimestampOffset>>> offset_for_timestamp(TimestampMs target, Offset below, codec::Codecs& codecs);
  Task<Result<std::optional<TimestampOffset>>> max_timestamp(codec::Codecs& codecs, Deadline deadline);
  Task<Result<std::vector<AbortedTransaction>>> aborted_transactions(Offset from, Offset below);

  Task<Result<void>> advance_start_offset(Offset offset, Offset high_watermark, Deadline deadline);
  Task<Result<void>> truncate_to(Offset offset);
  Task<Result<void>> truncate_fully_and_start_at(Offset offset);
  Task<Result<int>> apply_retention(Offset high_watermark, TimestampMs now);

  Task<Result<void>> flush();
  Task<Result<void>> close();
  Task<void> abandon();
  Offset recovery_point() const;
  // What the epoch file says is not true from `start` on: a recovery has to read the batches there.
  void note_epoch(Offset start) { epochs_unsaved_from_ = std::min(epochs_unsaved_from_.value_or(start), start); }
  int64_t size_bytes() const;
  Offset oldest_segment() const { return segments_.front()->base_offset(); }

  // Flushable
  Task<void> sync_dirty() override;

  LogServices services;
  const std::string path;
  LogOptions options;
  LogObserver* observer = nullptr;
  Offset log_start{0};
  Offset end{0};
  Offset written_end{0};
  Offset durable_end{0};
  Offset noted_high_watermark{0};
  std::optional<Error> failure;
  LeaderEpochCache epochs;
  mutable ProducerState producers;   // last_stable_offset() forgets what became replicated

 private:
  // A batch on its way to the file; with `rolled_snapshot` set, a new segment begins with it.
  struct Queued {
    SharedBytes bytes;
    Offset base_offset;
    Offset next_offset;
    std::unique_ptr<Bytes> rolled_snapshot;
  };
  // Somebody is inside sync_dirty(), perhaps still in line for the files.
  class Syncing {
   public:
    explicit Syncing(Core& core) : core_(core) { ++core_.syncs_; }
    ~Syncing() {
      if (--core_.syncs_ > 0) return;
      core_.syncs_over_.notify_all();
      if (std::exchange(core_.asked_meanwhile_, false)) core_.request_flush();
    }
    Syncing(const Syncing&) = delete;
    Syncing& operator=(const Syncing&) = delete;

   private:
    Core& core_;
  };

  Segment& active() { return *segments_.back(); }
  const Segment& active() const { return *segments_.back(); }
  runtime::Disk& disk() { return services.environment.disk; }
  runtime::Executor& executor() { return services.environment.executor; }
  std::string file_path(std::string_view name) const;
  std::shared_ptr<Segment> make_segment(Offset base, TimestampMs now);
  std::shared_ptr<Segment> make_segment(Offset base);
  // The segment that holds `offset` or is the last before it; segments_ is never empty.
  size_t segment_index(Offset offset) const;

  // log.cc
  std::optional<Error> refusal() const;
  Result<void> ready() const;
  void fail_with(const Error& error);
  void on_directory_failed(const Error& error) override { fail_with(error); }
  void io_failed(const Error& error);
  Task<void> wait_for_writer();
  // The same for who can come again: kKafkaStorageError when the writer waits for space.
  Task<Result<void>> writer_idle();
  Task<Result<void>> leave_files_complete();
  void let_go();
  Task<void> wait_for_syncs();

  // log_append.cc
  void begin_segment(TimestampMs now, std::unique_ptr<Bytes>& snapshot);
  Task<void> roll_now(TimestampMs now);

  // log_write.cc
  void on_turn_end() override;
  static Task<void> write_queue(Core* core);
  Task<Result<void>> write_in_flight();
  Task<Result<void>> wait_for_space(Error cause);
  void go_on();
  Task<Result<void>> begin_file(Queued& first);
  void advance_written(Offset offset);

  // log_flush.cc
  void arm_flush_timer();
  // Has what is written synced soon, or after the sync that is under way.
  void request_flush();
  void on_fire() override;
  void advance_durable(Offset offset);
  Task<Result<void>> sync_files(Offset target);
  Task<Result<void>> sync_snapshots();   // their bytes; their names: sync_directory()
  Task<Result<void>> sync_directory();
  Task<Result<void>> save_epochs();

  // log_read.cc
  void mend_index(const std::shared_ptr<Segment>& segment);
  static Task<void> rebuild_index(Core* core, std::shared_ptr<Segment> segment);

  // log_load.cc
  Task<Result<std::vector<runtime::DirEntry>>> clear_leftovers();
  Task<Result<void>> find_segments(const std::vector<runtime::DirEntry>& files);
  Task<Result<void>> load_epochs();
  Task<Result<void>> begin_without_files();
  Task<Result<void>> load_segments(LogRecovery recovery);
  Task<Result<void>> begin_at_start(bool clean);

  // log_recover.cc
  Task<Result<void>> recover_from(Offset recovery_point);
  Task<Result<bool>> recover_segment(Segment& segment, bool is_first);
  Result<size_t> recover_batches(Segment& segment, ByteView bytes, std::string& wrong);

  // log_producers.cc
  void account_producer(const record::BatchHeader& batch, ByteView bytes, Offset base_offset, Segment& segment, bool collect_aborted);
  Task<Result<void>> write_snapshot(Offset offset, const Bytes& snapshot);
  Task<Result<void>> drop_snapshots_above(Offset offset);
  Task<Result<void>> drop_snapshots_below_start();
  Task<Result<void>> drop_stray_snapshots();
  Task<Result<void>> rebuild_producers(Offset up_to);
  Task<Result<void>> replay_producers(Offset up_to);

  // log_truncate.cc
  Task<Result<void>> do_truncate_to(Offset offset);
  Task<Result<void>> do_truncate_fully(Offset offset);
  Task<Result<void>> drop_segments_from(size_t index);
  Task<Result<void>> remove_files_of(std::vector<std::shared_ptr<Segment>> gone);

  // log_start.cc
  void move_start(Offset offset);
  size_t removable_segments() const;
  Task<Result<void>> remove_first_segment();
  static Task<void> remove_below_start(Core* core);
  static Task<void> delete_later(Core* core, std::shared_ptr<Segment> segment);

  std::vector<std::shared_ptr<Segment>> segments_;
  std::shared_ptr<Segment> writing_;      // whose file the head of the queue goes to
  LogTail tail_;
  std::vector<Queued> queue_;
  std::vector<Queued> in_flight_;
  size_t in_flight_done_ = 0;             // of in_flight_, from the front
  std::vector<ByteView> parts_;
  bool writer_running_ = false;
  bool cutting_ = false;                  // a truncation runs: no append is taken
  bool recovery_cut_ = false;             // recovery dropped something
  bool stalled_ = false;                  // the writer waits for space
  bool closing_ = false;
  int syncs_ = 0;                         // calls of sync_dirty() under way
  bool asked_meanwhile_ = false;          // for a flush, while one was under way
  bool sync_again_ = false;
  bool removing_ = false;                 // remove_below_start() runs
  uint64_t directory_changes_ = 0;        // files that came or went
  uint64_t directory_synced_ = 0;         // of them, those whose names are durable
  Offset flush_wanted_{0};                // somebody waits for everything below to be durable
  std::optional<Offset> epochs_unsaved_from_;   // the epoch file does not know about epochs from here
  std::vector<Offset> snapshots_;         // producer snapshots on disk, rising
  std::vector<Offset> unsynced_snapshots_;
  TimestampMs last_expiry_ = 0;
  runtime::WaitQueue written_waiters_;
  runtime::WaitQueue durable_waiters_;
  runtime::WaitQueue syncs_over_;
  runtime::WaitQueue writer_waiters_;     // told when the writer rests, or begins another file, or will do neither
  runtime::Semaphore maintenance_{1};     // whose holder has the files to itself, but for appends and their writer
  runtime::StopSource stop_;
  runtime::TaskGroup tasks_;              // last: its frames use what is above
};

}  // namespace weir::storage
