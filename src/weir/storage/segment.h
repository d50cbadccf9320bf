// One segment of a log: a .log file of batches and its sparse indexes. Its functions in files by what they do:
//   segment.cc        accounting, rolling, cutting, its files
//   segment_load.cc   what is believed of it when the log is opened after a clean stop
//   segment_read.cc   what a reader gets: batches, or where they lie
//   segment_index.cc  what the index files say, compared with the log
//
// Owner    Log (shared with reads that are under way when it is removed).
// Shard    the log's.
// Format   docs/formats/segment.md
// Holds    - synced <= written_bytes() <= size_bytes(); readers look at [0, written_bytes()) only
//          - batches lie in offset order; every offset in it is in [base_offset(), base_offset() + 2^31)
//          - a sealed segment takes no more appends; only a truncation opens it again
#pragma once

#include <algorithm>
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
#include "weir/storage/txn_index.h"

namespace weir::storage {

struct SegmentRead {
  ReadResult result;
  bool reached_end = false;   // the segment holds nothing at or after the offset asked for
};

// Where a truncation cuts a segment.
struct SegmentCut {
  std::shared_ptr<runtime::File> file;   // the .log file: the cut itself needs no descriptor
  int64_t position = 0;                  // what stays of it
  Offset end;                            // of the log afterwards
  TimestampOffset largest;               // timestamp of what stays
};

class Segment {
 public:
  // `dir` is the log's directory and outlives the segment, which rolls `roll_jitter_ms` earlier than segment.ms.
  Segment(FileCache& files, const std::string& dir, Offset base, TimestampMs created_ms = 0, int64_t roll_jitter_ms = 0)
      : files_(files), dir_(dir), base_offset_(base), created_ms_(created_ms), roll_jitter_ms_(roll_jitter_ms) {}
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  Offset base_offset() const { return base_offset_; }
  std::string path(std::string_view suffix) const;
  int64_t size_bytes() const { return size_bytes_; }         // of the .log file: promised to appends
  int64_t written_bytes() const { return written_bytes_; }   // and of them, written
  bool is_synced() const { return synced_bytes_ == written_bytes_; }
  bool is_sealed() const { return sealed_; }
  bool is_complete() const { return sealed_ && written_bytes_ == size_bytes_; }
  bool is_removed() const { return removed_; }   // its files are gone, or called .deleted
  TimestampMs file_ms() const { return std::max(modified_ms_, created_ms_); }   // age of a segment without timestamps

  // When the log is opened: its .log file is there; so is one of the others; it is not the newest segment.
  void found(uint64_t bytes, TimestampMs modified_ms);
  void found_beside(std::string_view suffix, uint64_t bytes);
  void take_as_sealed() { sealed_ = true; }
  // After a clean stop: false when its indexes are not what such a stop leaves. Cheap signs: missing entries, a tail of zeros.
  runtime::Task<Result<bool>> indexes_look_right(bool is_newest);
  // After any other stop, below the recovery point: false when its offset index did not survive.
  runtime::Task<Result<bool>> indexes_survived();
  // After a clean stop, of the newest segment: the offset behind its last batch. Only the batches behind the last index entry are
  // looked at. Errors: kCorruptMessage (it needs recovery).
  runtime::Task<Result<Offset>> load_end();
  // Around a recovery, which accounts for its batches anew, from the first one on.
  void begin_recovery();
  void end_recovery();

  // Whether the next batch begins another segment: by this one's size, offsets, indexes or age.
  bool must_roll(const LogOptions& options, size_t bytes, TimestampMs max_timestamp, Offset last_offset, TimestampMs now) const;
  // Accounts for one batch appended at the end: size, indexes, largest timestamp.
  void account(Offset last_offset, TimestampMs max_timestamp, size_t bytes, int64_t index_interval_bytes);
  void note_aborted(const AbortedTransaction& transaction) { txn_index_.append(transaction); }
  void note_written(size_t bytes);    // so many more
  void note_synced(int64_t bytes);    // from the front of the file: what was written when the sync began
  // Once true: when 15/16 of `segment_bytes` are written.
  bool becomes_nearly_full(int64_t segment_bytes);
  // No more appends: the last entry of the time index.
  void seal();
  // Where to cut so that nothing at or after `offset` stays; and the cut, of a segment without unwritten bytes.
  runtime::Task<Result<SegmentCut>> find_cut(Offset offset);
  runtime::Task<Result<void>> cut(SegmentCut at);

  runtime::Task<Result<std::shared_ptr<runtime::File>>> log_file(runtime::OpenMode mode = runtime::OpenMode::kReadWrite);
  std::shared_ptr<runtime::File> open_log_file() { return files_.try_get(log_handle_); }
  void close_files();
  // Renames every file of it to .deleted, or removes them.
  runtime::Task<Result<void>> mark_deleted();
  runtime::Task<Result<void>> remove_files();

  // Batches from the one that holds `from`, that end below `below`: see Log::read. Empty when there is none in this segment.
  runtime::Task<Result<SegmentRead>> read(Offset from, Offset below, size_t bytes_max, bool at_least_one_batch);
  // Where such batches lie in the file, without reading them: at least `bytes_min` and at most `bytes_max` bytes. `written_end`
  // is the offset behind the last one written here, `below` is not above it. nullopt where they are to be read instead.
  runtime::Task<Result<std::optional<LogRange>>> find_range(Offset from, Offset below, Offset written_end, size_t bytes_max,
                                                            size_t bytes_min);
  // Batch by batch to the end of what is written, from one that ends at or before `offset`; from the first for kNoOffset.
  runtime::Task<Result<SegmentScan>> scan_from(Offset offset, size_t chunk_bytes = SegmentScan::kChunkBytes);
  // The largest timestamp and the last offset of the batch that has it; {-1, -1} in a segment without.
  runtime::Task<Result<TimestampOffset>> load_largest_timestamp();
  // Where a search for the first timestamp of at least `target` may begin: all before it are older.
  runtime::Task<Result<Offset>> offset_before(TimestampMs target);
  // All aborted transactions of this segment.
  runtime::Task<Result<std::vector<AbortedTransaction>>> load_aborted() { return txn_index_.load(files_.disk(), path(kTxnIndexSuffix)); }

  // Of a sealed segment whose indexes are synced, recovery needs nothing any more.
  bool indexes_synced() const { return indexes_synced_; }
  bool awaits_index_sync() const { return sealed_ && !indexes_synced_; }
  void note_indexes_synced() { indexes_synced_ = true; }
  // Many of their entries are in memory, where the writer should not leave them.
  bool must_spill() const;
  // Writes indexes (and transactions) that are in memory; the files afterwards have their exact sizes.
  runtime::Task<Result<void>> write_indexes();
  runtime::Task<Result<void>> sync_indexes();
  // An entry did not say what the log says: reads go without, until somebody has mended them.
  bool indexes_damaged() const { return indexes_damaged_; }
  bool needs_mending() const { return sealed_ && indexes_damaged_ && !indexes_mending_; }
  void begin_mending() { indexes_mending_ = true; }
  void end_mending(bool is_hopeless) { indexes_mending_ = is_hopeless; }   // `is_hopeless`: it would end so again
  // Makes the indexes of a whole segment anew, in memory, from its batches.
  runtime::Task<Result<void>> rebuild_indexes(int64_t index_interval_bytes);

 private:
  static constexpr int kIndexFiles = 2;
  static constexpr int64_t kSyncUnknown = -1;   // synced_bytes_ after recovery or a cut: whatever is there is synced again

  void append_time_entry();   // of the largest timestamp so far, unless it has one
  runtime::Task<Result<TimestampOffset>> find_largest_timestamp();
  // Where a scan for `offset` may begin: the position of a batch that ends at or before it, or 0. The entry that says so is
  // compared with the batch it names: index files have no checksums.
  runtime::Task<Result<int64_t>> position_before(Offset offset);
  // Whether the batch that `entry` names is there and has its timestamp.
  runtime::Task<Result<bool>> is_right(TimeEntry entry);
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
  int64_t size_bytes_ = 0;
  int64_t written_bytes_ = 0;
  int64_t synced_bytes_ = 0;
  bool was_nearly_full_ = false;
  bool sealed_ = false;
  bool removed_ = false;

  TimestampMs created_ms_;
  TimestampMs modified_ms_ = 0;   // of a segment found on disk: its file's time
  int64_t roll_jitter_ms_;
  std::optional<TimestampMs> first_timestamp_;   // the first batch's max timestamp, when known; age for segment.ms
  TimestampOffset largest_;
  bool largest_known_ = true;   // false for a segment found on disk, until asked

  OffsetIndex offset_index_;
  TimeIndex time_index_;
  TxnIndex txn_index_;
  int64_t bytes_since_entry_ = 0;
  int index_files_ = kIndexFiles;   // of offset and time index, those that were there when the log was opened
  bool indexes_synced_ = false;
  bool indexes_damaged_ = false;
  bool indexes_mending_ = false;    // or beyond it
};

}  // namespace weir::storage
