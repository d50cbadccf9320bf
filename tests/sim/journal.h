// The program of the simulator's self-test: a small write-ahead journal with group commit, and a server that appends what
// clients send. Small enough to be right by inspection, yet with everything that a crash can break: a torn tail, a new file
// whose name is not durable, an answer that leaves before the sync.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkers/log_history.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/event.h"
#include "weir/runtime/task_group.h"

namespace weir::sim {

struct JournalBugs {
  bool ack_before_sync = false;    // the answer leaves before the sync returns
  bool no_directory_sync = false;  // a new segment's name is not made durable
};

// Segments "/journal/NNNNNN"; an entry is: CRC-32C of the rest, writer, number; 12 bytes.
class Journal {
 public:
  static constexpr size_t kEntryBytes = 12;
  static constexpr size_t kSegmentEntriesMax = 200;

  Journal(runtime::Environment env, JournalBugs bugs) : env_(env), bugs_(bugs) {}

  // Reads what is there; cuts off a torn tail.
  runtime::Task<Result<void>> open();
  // The offset of `value`: a new one at the end, or that of its first append.
  int64_t append(ValueId value);
  // Resolves when everything below `offset` is synced. Errors: what the disk said; then the journal is dead.
  runtime::Task<Result<void>> durable(int64_t offset);
  // Writes and syncs what was appended, until the disk fails.
  runtime::Task<Result<void>> flush_loop();

  const std::vector<ValueId>& entries() const { return entries_; }

 private:
  runtime::Task<Result<void>> open_segment(size_t index);
  runtime::Task<Result<void>> read_segment(size_t index);
  runtime::Task<Result<void>> flush_once();

  runtime::Environment env_;
  JournalBugs bugs_;
  std::vector<ValueId> entries_;
  std::map<uint32_t, std::map<uint32_t, int64_t>> offsets_;  // by writer and number
  std::unique_ptr<runtime::File> file_;
  int64_t first_in_file_ = 0;
  int64_t synced_ = 0;
  Result<void> health_;
  runtime::Event appended_;
  runtime::WaitQueue syncs_;
};

// Serves until the journal fails, which it reports through `failed`.
runtime::Task<void> serve_journal(runtime::Environment env, uint16_t port, JournalBugs bugs, runtime::Event* failed);

// A request is writer and number; an answer is the offset. Fixed sizes, little endian.
inline constexpr size_t kJournalRequestBytes = 8;
inline constexpr size_t kJournalAnswerBytes = 8;

}  // namespace weir::sim
