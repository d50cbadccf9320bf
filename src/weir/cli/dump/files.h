// What the files of a log directory hold, by their names.
//
// Format   docs/formats: Kafka's own files.
#pragma once

#include <string>
#include <string_view>

#include "weir/cli/dump/output.h"

namespace weir::cli {

struct DumpOptions {
  bool records = false;
};

// Whether a file of this name is one of those that can be shown.
bool is_known_file(std::string_view name);
// Shows the file. False when it cannot be read: the reason was reported on standard error.
bool dump_file(const std::string& path, const DumpOptions& options, DumpOutput& output);

// The parts of dump_file. `is_metadata`: the records are those of the metadata log.
bool dump_segment(const std::string& path, const DumpOptions& options, bool is_metadata, DumpOutput& output);
void dump_offset_index(ByteView bytes, int64_t base_offset, DumpOutput& output);
void dump_time_index(ByteView bytes, int64_t base_offset, DumpOutput& output);
void dump_txn_index(ByteView bytes, DumpOutput& output);
void dump_producer_snapshot(ByteView bytes, Offset end, DumpOutput& output);
void dump_small_text(std::string_view name, std::string_view text, DumpOutput& output);

}  // namespace weir::cli
