// The inside of LogManager. Its functions in files by what they do:
//   log_manager.cc               looking up, closing
//   log_manager_open.cc          directories: identity, locks, what the last run left
//   log_manager_load.cc          loading the logs found in them, recovery
//   log_manager_create.cc        creating logs, many at once
//   log_manager_remove.cc        deleting them, setting strays aside
//   log_manager_checkpoints.cc   the checkpoint files
//   log_manager_housekeeping.cc  loops beside it all: checkpoints, space, idle descriptors
//
// Who may run at the same time: load() first and alone; then creations and removals one at a time (`structure_`), one writer of
// checkpoints a directory (`checkpointing`), and the loops. Of what is in the maps below, only a removal destroys a Log.
#pragma once

#include <map>

#include "weir/base/internal_topics.h"
#include "weir/runtime/semaphore.h"
#include "weir/runtime/task_group.h"
#include "weir/runtime/wait_queue.h"
#include "weir/storage/checkpoint_file.h"
#include "weir/storage/clean_shutdown.h"
#include "weir/storage/file_cache.h"
#include "weir/storage/log_directory.h"
#include "weir/storage/log_manager.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/tail_cache.h"

namespace weir::storage {

class LogManager::Core {
 public:
  Core(runtime::Environment& environment, LogManagerOptions options);
  ~Core();

  Task<Result<void>> open();
  Task<Result<void>> load();
  Task<std::optional<TopicPartition>> next_recovered(runtime::StopToken stop);
  Task<Result<void>> write_checkpoints();
  Task<Result<void>> save_start_offsets();
  Task<Result<void>> close(BrokerEpoch broker_epoch);
  Task<std::vector<Result<Log*>>> create_logs(std::vector<NewLog> wanted);
  Task<Result<Log*>> create_log(NewLog wanted);
  Task<Result<void>> remove_log(std::string topic, PartitionIndex partition, DirectoryKind kind);
  LogServices services(size_t directory);

  struct Dir final : RecoveryPointWriter {
    Dir(Core& core, std::string path)
        : core(core), health(core.environment.executor, std::move(path), core.environment.log), checkpointing(1) {
      health.recovery_points = this;
    }
    Task<Result<void>> write_recovery_points() override {
      WEIR_CO_CHECK(co_await core.write_dir_checkpoint(*this, kRecoveryPointFile));
      co_return co_await core.write_dir_checkpoint(*this, kLogStartFile);
    }

    Core& core;
    LogDirectory health;
    MetaProperties properties;
    std::unique_ptr<runtime::FileLock> lock;
    std::unique_ptr<runtime::Volume> volume;          // opened before anything is written
    CleanShutdown clean;
    std::map<std::string_view, Checkpoint> on_disk;   // by file name: what was read or written last
    Checkpoint not_found;                             // high watermarks of before, of logs that load() did not come upon
    runtime::Semaphore checkpointing;                 // one writer of checkpoint files at a time
  };
  struct Entry {
    std::unique_ptr<Log> log;
    Uuid topic_id;
    size_t dir = 0;
  };
  // A log that load() left out.
  struct Unreadable {
    Error error;
    Uuid topic_id;   // zero when that could not be read either
    size_t dir = 0;
  };
  // Lets a lookup go without making a string.
  struct Less {
    using is_transparent = void;
    using View = std::pair<std::string_view, PartitionIndex>;
    static View view(const TopicPartition& key) { return {key.topic, key.partition}; }
    static View view(const View& key) { return key; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const { return view(a) < view(b); }
  };
  const Entry* find(std::string_view topic, PartitionIndex partition) const {
    const auto found = logs.find(Less::View{topic, partition});
    return found == logs.end() ? nullptr : &found->second;
  }

  runtime::Environment& environment;
  LogManagerOptions options;
  FileCache files;
  TailCache tail_cache;
  std::vector<std::unique_ptr<Dir>> dirs;
  std::map<TopicPartition, Entry, Less> logs;
  uint64_t logs_changes = 0;   // how often one came to them or went
  std::map<TopicPartition, Unreadable, Less> unreadable;
  // Logs whose recovery goes on while others are served.
  struct Recovering {
    size_t dir = 0;
    std::optional<DirectoryKind> removal;   // what is to become of it then, when its topic went meanwhile
  };
  std::map<TopicPartition, Recovering, Less> recovering;
  std::vector<RecoveryLeft> recovery_left;   // by directory

 private:
  struct LoadJob {
    TopicPartition partition;
    size_t dir;
    Uuid topic_id;   // once read
    RecoveryLeft left;   // once looked at
  };

  // log_manager.cc
  static Task<void> close_some(Core* core, std::vector<Entry*>* left, std::vector<bool>* failed);

  // log_manager_open.cc
  Task<Result<void>> check_identity();
  Result<void> spare(Dir& dir, const Result<void>& opened) const;
  Task<Result<void>> lock_dir(Dir& dir);
  Task<Result<void>> open_dir(Dir& dir);

  // log_manager_checkpoints.cc
  bool must_keep(const Dir& dir, const TopicPartition& partition) const;
  void note_in(Checkpoint& checkpoint, std::string_view file, const TopicPartition& partition, const Log& log) const;
  Task<Checkpoint> collect_checkpoint(const Dir& dir, std::string_view file);
  Task<Result<void>> write_dir_checkpoint(Dir& dir, std::string_view file);
  Task<Result<void>> write_dir_checkpoints(Dir& dir);

  // log_manager_housekeeping.cc
  void start_loops();
  static Task<void> checkpoint_loop(Core* core, int64_t interval_ms, std::string_view file);
  static Task<void> space_loop(Core* core);
  Task<void> measure_space(Dir& dir);

  // log_manager_load.cc
  Task<Result<void>> scan_dir(size_t dir, std::vector<LoadJob>& jobs);
  int workers_for(size_t jobs) const;
  Task<void> load_all(std::vector<LoadJob>& jobs, std::vector<LoadJob>* later);
  static Task<void> load_some(Core* core, std::vector<LoadJob>* jobs, std::vector<LoadJob>* later);
  Task<Result<void>> look_at(LoadJob& job);
  Task<void> load_job(LoadJob job);
  Result<void> lies_nowhere_else(const TopicPartition& partition) const;
  Task<Result<void>> load_one(LoadJob& job);
  void leave_for_later(std::vector<LoadJob> jobs);
  static Task<void> recover_later(Core* core);
  static Task<void> report_recovery(Core* core);

  // log_manager_remove.cc
  Task<Result<std::string>> rename_away(size_t dir, const TopicPartition& partition, DirectoryKind kind);
  void remove_in_a_while(std::string path, Duration delay);
  static Task<void> remove_later(Core* core, std::string path, Duration delay);

  // log_manager_create.cc
  // One log on its way.
  struct Creation {
    TopicPartition key;
    Uuid topic_id;
    LogOptions options;
    std::string path;
    size_t dir = 0;
    bool found_directory = false;   // it was there: what is in it must be looked at
    Result<Log*> result = nullptr;
  };
  std::vector<size_t> count_logs() const;
  size_t choose_dir(const std::vector<size_t>& counts) const;
  Task<Result<Log*>> existing_log(const NewLog& wanted);
  void tell_if_gone(const TopicPartition& partition) const;
  Task<Result<void>> forget_checkpointed(Dir& dir, const std::vector<Creation*>& batch);
  Task<Result<void>> make_directory(Creation& creation, bool in_batch);
  Task<Result<void>> make_batch(Dir& dir, const std::vector<Creation*>& batch);
  Task<void> create_batch(size_t index, std::vector<Creation*> batch);

  std::vector<LoadJob> later_;                // largest first: taken from the back
  size_t recoveries_left_ = 0;                // of later_, not given to next_recovered() yet
  std::vector<TopicPartition> recovered_;     // for next_recovered()
  runtime::WaitQueue recovered_waiters_;
  bool loaded_ = false;                       // load() has come to every log
  bool closing_ = false;
  runtime::StopSource stop_;
  runtime::Semaphore structure_{1};   // creations and deletions one after another
  runtime::TaskGroup tasks_;          // last: its frames use what is above
};

}  // namespace weir::storage
