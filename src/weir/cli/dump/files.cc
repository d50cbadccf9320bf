// The small files of a log directory, and which file is what.
#include "weir/cli/dump/files.h"

#include <algorithm>
#include <map>

#include "weir/base/internal_topics.h"
#include "weir/cli/load_config.h"
#include "weir/cli/report.h"
#include "weir/raft/quorum_state.h"
#include "weir/raft/snapshot.h"
#include "weir/storage/checkpoint_file.h"
#include "weir/storage/clean_shutdown.h"
#include "weir/storage/leader_epoch_cache.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/partition_metadata.h"
#include "weir/storage/producer_state.h"
#include "weir/storage/segment_files.h"
#include "weir/storage/sparse_index.h"
#include "weir/storage/txn_index.h"

namespace weir::cli {
namespace {

constexpr size_t kSmallFileBytesMax = size_t{256} << 20;

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_quorum_snapshot(std::string_view name) {
  return name == raft::kBootstrapCheckpoint || raft::parse_snapshot_file_name(name).has_value();
}

bool is_checkpoint(std::string_view name) {
  return name == storage::kRecoveryPointFile || name == storage::kReplicationFile || name == storage::kLogStartFile ||
         name == storage::kCleanerFile;
}

bool is_small_text(std::string_view name) {
  return is_checkpoint(name) || name == storage::kLeaderEpochFile || name == storage::kPartitionMetadataFile ||
         name == storage::kMetaPropertiesFile || name == raft::kQuorumStateFile || name == storage::kCleanShutdownFile;
}

template <typename Entry, typename Show>
void for_each_entry(ByteView bytes, DumpOutput& output, Show show) {
  size_t at = 0;
  for (; at + Entry::kBytes <= bytes.size(); at += Entry::kBytes) {
    const Entry entry = Entry::decode(bytes.data() + at);
    // Java keeps an index at its full size while it is written; what was not used is zero.
    const bool is_unused = std::ranges::all_of(bytes.subspan(at), [](std::byte b) { return b == std::byte{0}; });
    if (is_unused && at > 0) {
      output.note(
          fmt::format("{} bytes behind the last entry are zero: a Kafka broker has it open, or crashed", bytes.size() - at));
      return;
    }
    show(at, entry);
  }
  if (at < bytes.size()) output.problem(at, fmt::format("{} bytes are too few for an entry", bytes.size() - at));
}

std::string_view kind_of(storage::SegmentFileName name) {
  if (name.suffix == storage::kLogSuffix) return "segment";
  if (name.suffix == storage::kOffsetIndexSuffix) return "offset index";
  if (name.suffix == storage::kTimeIndexSuffix) return "time index";
  return name.suffix == storage::kTxnIndexSuffix ? "transaction index" : "producer snapshot";
}

void show_epochs(std::string_view text, DumpOutput& output) {
  const auto epochs = storage::LeaderEpochCache::parse(text);
  if (!epochs) return output.problem(0, epochs.error().describe());
  for (const auto& entry : epochs->entries()) {
    output.row("leader epoch",
               {number_cell("epoch", entry.leader_epoch, 8), number_cell("start_offset", entry.start_offset, 14)});
  }
}

void show_checkpoint(std::string_view text, DumpOutput& output) {
  const auto checkpoint = storage::parse_checkpoint(text);
  if (!checkpoint) return output.problem(0, checkpoint.error().describe());
  for (const auto& [partition, offset] : *checkpoint) {
    output.row("checkpoint", {number_cell("offset", offset, 14), text_cell("topic", partition.topic, -30),
                              number_cell("partition", partition.partition, -9)});
  }
}

void show_quorum_state(std::string_view text, DumpOutput& output) {
  const auto state = raft::parse_quorum_state(text);
  if (!state) return output.problem(0, state.error().describe());
  output.row("quorum state",
             {number_cell("epoch", state->epoch, 8), number_cell("leader", state->leader, 6),
              number_cell("voted", state->voted, 6), text_cell("voted_directory", state->voted_directory.text(), -22)});
}

}  // namespace

bool is_known_file(std::string_view name) {
  return storage::parse_segment_file_name(name).has_value() || is_quorum_snapshot(name) || is_small_text(name);
}

void dump_offset_index(ByteView bytes, int64_t base_offset, DumpOutput& output) {
  int64_t before = -1;
  bool falls = false;
  for_each_entry<storage::OffsetEntry>(bytes, output, [&](size_t at, const storage::OffsetEntry& entry) {
    if (entry.relative_offset <= before && !falls) output.problem(at, "the entries do not rise from here on");
    falls = falls || entry.relative_offset <= before;
    before = entry.relative_offset;
    output.row("offset index",
               {number_cell("offset", base_offset + entry.relative_offset, 14), number_cell("position", entry.position, 12)});
  });
}

void dump_time_index(ByteView bytes, int64_t base_offset, DumpOutput& output) {
  for_each_entry<storage::TimeEntry>(bytes, output, [&](size_t, const storage::TimeEntry& entry) {
    output.row("time index",
               {time_cell("timestamp", entry.timestamp), number_cell("offset", base_offset + entry.relative_offset, 14)});
  });
}

void dump_txn_index(ByteView bytes, DumpOutput& output) {
  const auto entries = storage::decode_txn_entries(bytes);
  if (!entries) return output.problem(0, entries.error().describe());
  for (const storage::AbortedTransaction& entry : *entries) {
    output.row(
        "aborted transaction",
        {number_cell("producer_id", entry.producer_id, 11), number_cell("first_offset", entry.first_offset, 14),
         number_cell("last_offset", entry.last_offset, 14), number_cell("last_stable_offset", entry.last_stable_offset, 18)});
  }
}

void dump_producer_snapshot(ByteView bytes, Offset end, DumpOutput& output) {
  storage::ProducerState state;
  if (const auto loaded = state.load(bytes, end); !loaded) return output.problem(0, loaded.error().describe());
  const std::map<ProducerId, storage::ProducerEntry> sorted(state.producers().begin(), state.producers().end());
  for (const auto& [id, entry] : sorted) {
    const Offset last = entry.batch_count == 0 ? kNoOffset : entry.batches[entry.batch_count - 1].last_offset;
    output.row("producer",
               {number_cell("producer_id", id, 11), number_cell("epoch", entry.epoch, 5),
                number_cell("last_sequence", entry.last_sequence(), 13), number_cell("last_offset", last, 14),
                time_cell("last_timestamp", entry.last_timestamp), number_cell("coordinator_epoch", entry.coordinator_epoch, 17),
                number_cell("transaction_start", entry.transaction_start, 17)});
  }
}

void dump_small_text(std::string_view name, std::string_view text, DumpOutput& output) {
  if (is_checkpoint(name)) return show_checkpoint(text, output);
  if (name == storage::kLeaderEpochFile) return show_epochs(text, output);
  if (name == raft::kQuorumStateFile) return show_quorum_state(text, output);
  if (name == storage::kCleanShutdownFile) {
    const auto epoch = storage::parse_clean_shutdown(text);
    return output.row("clean stop", {epoch ? number_cell("broker_epoch", *epoch, 12) : Cell{"broker_epoch", "null", false, 12}});
  }
  if (name == storage::kPartitionMetadataFile) {
    const auto id = storage::parse_partition_metadata(text);
    if (!id) return output.problem(0, id.error().describe());
    return output.row("partition metadata", {text_cell("topic_id", id->text(), -22)});
  }
  const auto properties = storage::parse_properties(text);
  if (!properties) return output.problem(0, properties.error().describe());
  for (const auto& [key, value] : *properties) output.row("property", {text_cell("key", key, -14), text_cell("value", value, 0)});
}

bool dump_file(const std::string& path, const DumpOptions& options, DumpOutput& output) {
  const std::string_view name = file_name(path);
  const std::string_view directory =
      file_name(std::string_view(path).substr(0, path.size() - std::min(path.size(), name.size() + 1)));
  const auto segment_file = storage::parse_segment_file_name(name);
  if (is_quorum_snapshot(name)) return dump_segment(path, options, true, output);
  if (segment_file && segment_file->suffix == storage::kLogSuffix) {
    return dump_segment(path, options, directory == kMetadataLogName, output);
  }
  const Result<std::string> text = read_whole_file(path, kSmallFileBytesMax);
  if (!text) {
    report(text.error().message());
    return false;
  }
  const ByteView bytes = as_bytes(*text);
  output.begin_file(path, segment_file ? kind_of(*segment_file) : "text", text->size());
  if (!segment_file) {
    dump_small_text(name, *text, output);
  } else if (segment_file->suffix == storage::kOffsetIndexSuffix) {
    dump_offset_index(bytes, segment_file->base.value(), output);
  } else if (segment_file->suffix == storage::kTimeIndexSuffix) {
    dump_time_index(bytes, segment_file->base.value(), output);
  } else if (segment_file->suffix == storage::kTxnIndexSuffix) {
    dump_txn_index(bytes, output);
  } else {
    dump_producer_snapshot(bytes, segment_file->base, output);
  }
  return true;
}

}  // namespace weir::cli
