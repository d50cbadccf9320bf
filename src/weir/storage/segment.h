// One segment of a log: a .log file of batches and its sparse indexes. Its functions in files by what they do:
//   segment.cc        accounting, its files
//   segment_read.cc   what a reader gets: batches, or where they lie
//   segment_index.cc  what the index files say, compared with the log
//
// Owner    Log (shared with reads that are under way when it is removed).
// Shard    the log's.
// Format   docs/formats/segment.md
// Holds    - synced_bytes <= written_bytes <= size_bytes; readers look at [0, written_bytes) only
//          - batches lie in offset order; every offset in it is in [base_offset, base_offset + 2^31)
//          - a sealed segment takes no more appends
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/record/batches.h"
#include "weir/storage/file_cache.h"
#include "weir/storage/log.h"
#include "weir/storage/segment_files.h"
#include "weir/storage/segment_scan.h"
#include "weir/storage/sparse_index.h"

namespace weir::storage {

inline constexpr size_t kIndexSpillEntries = 256;   // in memory of one index before the writer moves them to the file

struct SegmentRead {
  ReadResult result;
  bool reached_end = false;   // the segment holds nothing at or after the offset asked for
};

class Segment {
 public:
  // `dir` is the log's directory and outlives the segment.
  Segment(FileCache& files, const std::string& dir, Offset base) : files_(files), dir_(dir), base_offset_(base) {}
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  Offset base_offset() const { return base_offset_; }
  std::string path(std::string_view suffix) const;

  // Sizes of the .log file: promised to appends, written, synced.
  int64_t size_bytes = 0;
  int64_t written_bytes = 0;
  int64_t synced_bytes = 0;
  bool synced_ahead = false;           // when it was nearly full
  bool sealed = false;
  bool indexes_synced = false;         // of a sealed segment: recovery needs it no more
  bool removed = false;                // its files are called .deleted now
  TimestampMs created_ms = 0;          // age of a segment without timestamps
  TimestampMs modified_ms = 0;         // of a segment found on disk: its file's time
  int64_t roll_jitter_ms = 0;          // it rolls so much earlier than segment.ms
  std::optional<TimestampMs> first_timestamp;   // the first batch's max timestamp, when known; age for segment.ms
  bool index_files_found = true;       // both were there when the log was opened
  std::vector<AbortedTransaction> aborted;      // not in the .txnindex file yet
  std::optional<bool> has_txn_index;            // whether the file is there, when known

  OffsetIndex offset_index;
  TimeIndex time_index;
  bool index_mending = false;
  bool index_damaged = false;   // an entry did not say what the log says: reads go without, until the log has them rebuilt

  // Accounts for one batch appended at the end: size, indexes, largest timestamp.
  void account(Offset last_offset, TimestampMs max_timestamp, size_t bytes, int64_t index_interval_bytes);
  // The largest timestamp and the last offset of the batch that has it; {-1, -1} in a segment without.
  runtime::Task<Result<TimestampOffset>> load_largest_timestamp();
  // The segment was found on disk: its time index knows.
  void forget_largest_timestamp() {
    largest_ = {};
    largest_known_ = false;
  }
  // After a truncation.
  void set_largest_timestamp(TimestampOffset largest) {
    largest_ = largest;
    largest_known_ = true;
  }
  // One more batch that was in the file already.
  void note_timestamp(TimestampMs timestamp, Offset last_offset) {
    if (timestamp > largest_.timestamp) largest_ = {timestamp, last_offset, kNoLeaderEpoch};
  }
  // No more appends: the last entry of the time index.
  void seal();
  // Empties the accounting, for a scan that begins again at the first batch.
  void restart_accounting();

  runtime::Task<Result<std::shared_ptr<runtime::File>>> log_file(runtime::OpenMode mode = runtime::OpenMode::kReadWrite);
  std::shared_ptr<runtime::File> open_log_file() { return files_.try_get(log_handle_); }
  void close_files();

  // Where a scan for `offset` may begin: the position of a batch that ends at or before it, or 0. The entry that says so is
  // compared with the batch it names: index files have no checksums.
  runtime::Task<Result<int64_t>> position_before(Offset offset);
  // Whether the batch that `entry` names is there and has its timestamp.
  runtime::Task<Result<bool>> is_right(TimeEntry entry);
  // Makes the indexes of a whole segment anew, in memory, from its batches.
  runtime::Task<Result<void>> rebuild_indexes(int64_t index_interval_bytes);
  // Batches from the one that holds `from`, that end below `below`: see Log::read. Empty when there is none in this segment.
  runtime::Task<Result<SegmentRead>> read(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch);
  // Where such batches lie in the file, without reading them: at least `bytes_min` and at most `bytes_max` bytes. `written_end`
  // is the offset behind the last one written here, `below` is not above it. nullopt where they are to be read instead.
  runtime::Task<Result<std::optional<LogRange>>> find_range(Offset from, Offset below, Offset written_end, size_t bytes_max,
                                                            size_t bytes_min);
  // Writes indexes (and transactions) that are in memory; the files afterwards have their exact sizes.
  runtime::Task<Result<void>> write_indexes();
  runtime::Task<Result<void>> sync_indexes();
  // All aborted transactions of this segment.
  runtime::Task<Result<std::vector<AbortedTransaction>>> load_aborted();
  // Renames every file of it to .deleted, or removes them.
  runtime::Task<Result<void>> mark_deleted();
  runtime::Task<Result<void>> remove_files();

 private:
  runtime::Task<Result<TimestampOffset>> find_largest_timestamp();
  // False when a batch behind the last offset entry has a later timestamp than `newest`, or its batch is not there.
  runtime::Task<Result<bool>> covers_the_end(TimeEntry newest);

  // The batch that begins at `position`, by its first bytes; nullopt when there is none.
  runtime::Task<Result<std::optional<record::BatchSpan>>> span_at(int64_t position);
  // The batch that `entry` names; nullopt when it does not lie there: the indexes are damaged.
  runtime::Task<Result<std::optional<record::BatchSpan>>> named_by(OffsetEntry entry);
  // Where the batch begins that holds `from`, or the next one, before byte `end`.
  runtime::Task<Result<std::optional<int64_t>>> position_of(runtime::File& file, Offset from, int64_t end);

  FileCache& files_;
  const std::string& dir_;
  Offset base_offset_;
  FileCache::Handle log_handle_;
  int64_t bytes_since_entry_ = 0;
  TimestampOffset largest_;
  bool largest_known_ = true;   // false for a segment found on disk, until asked
};

}  // namespace weir::storage
