// Snapshots of the metadata log: `<20-digit end offset>-<10-digit epoch>.checkpoint`, and bootstrap.checkpoint.
//
// Owner    the quorum's driver; metadata::format writes the first ones.
// Format   docs/formats/metadata-log.md: record batches counted from offset 0, a header control batch first, a footer last.
// Holds    - a file under its final name is complete and synced: it is written as ".part" and renamed
//          - a snapshot without its footer is not a snapshot
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/error.h"
#include "weir/raft/control_records.h"
#include "weir/raft/quorum.h"
#include "weir/runtime/disk.h"

namespace weir::raft {

inline constexpr std::string_view kBootstrapCheckpoint = "bootstrap.checkpoint";
inline constexpr std::string_view kPartSuffix = ".part";  // of a snapshot that is being written
inline constexpr uint64_t kSnapshotBytesMax = 4ull << 30;

std::string snapshot_file_name(SnapshotId id);
// Nothing when `name` is not the name of a complete snapshot.
std::optional<SnapshotId> parse_snapshot_file_name(std::string_view name);

struct SnapshotContent {
  TimestampMs last_timestamp = kNoTimestamp;  // of the last record it holds
  std::vector<Voter> voters;                  // empty with kraft.version 0
  std::vector<Bytes> values;                  // metadata records
};

// Writes `dir`/`name`, replacing it. `epoch` stands in its batches. `now`: wall clock.
runtime::Task<Result<void>> write_snapshot_file(runtime::Disk& disk, std::string dir, std::string name, SnapshotContent content,
                                                LeaderEpoch epoch, TimestampMs now);

// A snapshot in memory, whose batches can be visited.
struct LoadedSnapshot {
  Bytes bytes;
  ControlState control;
};
// Errors: kMalformedFile (with the path: no header or footer, a bad checksum), kNotFound, kDiskError.
runtime::Task<Result<LoadedSnapshot>> load_snapshot_file(runtime::Disk& disk, std::string path);
// Calls take(values) for each data batch in order, until it fails.
template <typename Take>
Result<void> visit_snapshot(const LoadedSnapshot& snapshot, Take take);

// The complete snapshots in `dir`, oldest first, with their sizes. Removes what an interrupted write or removal left.
struct SnapshotFile {
  SnapshotId id;
  uint64_t size_bytes = 0;
  int64_t modified_ms = 0;
};
runtime::Task<Result<std::vector<SnapshotFile>>> list_snapshots(runtime::Disk& disk, std::string dir);

// Calls visit(batch) for each batch in `bytes`; a cut tail is kMalformedFile.
Result<void> for_each_batch(ByteView bytes, auto visit);

}  // namespace weir::raft

#include "weir/raft/snapshot_inl.h"
