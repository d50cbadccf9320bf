// Looks at log directories that a Kafka (or Weir) left, without a broker and without changing them: whose they are, what lies
// in them, what a start would recover, and what stands in the way of it. `weir adopt` prints it.
//
// Weir serves Kafka's files as they are, so adopting changes nothing but a note in the metadata log directory (kAdoptionFile)
// that says how to go back; Kafka ignores files it does not know.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/uuid.h"
#include "weir/metadata/image.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/task.h"

namespace weir::node {

using runtime::Task;

inline constexpr std::string_view kAdoptionFile = "weir-adopted.txt";

struct AdoptDirectory {
  std::string path;
  Uuid id;
  bool was_clean = false;
  size_t logs = 0;
  uint64_t bytes = 0;           // of all segments
  size_t logs_to_recover = 0;   // a start reads what the recovery point does not vouch for
  uint64_t bytes_to_recover = 0;
};

struct AdoptTopic {
  std::string name;
  size_t partitions = 0;  // that lie here
  uint64_t bytes = 0;
};

// Something that a start would refuse, and what to do about it.
struct AdoptProblem {
  std::string what;
  std::string way_out;
};

struct AdoptReport {
  std::string cluster_id;
  BrokerId node_id{-1};
  std::vector<std::pair<std::string, int16_t>> features;  // finalized, by name
  int16_t kraft_version = 0;
  size_t brokers = 0;
  size_t topics_in_metadata = 0;
  Offset metadata_end{0};
  std::vector<AdoptDirectory> directories;  // the metadata log's first
  std::vector<AdoptTopic> topics;           // by name
  std::vector<AdoptProblem> problems;
  std::vector<std::string> notes;           // served otherwise than Kafka did, or not yet

  bool works() const { return problems.empty(); }
};

// Directories in any order. What stands in the way of a start is in the report's problems. Errors: kLocked (a server runs on
// one of them), kNotFound, kPermissionDenied, kDiskError, kMalformedFile (a file that cannot be read as what it is).
Task<Result<AdoptReport>> inspect_directories(runtime::Environment& environment, std::vector<std::string> dirs);

// Leaves the note. Errors: those of writing a file.
Task<Result<void>> write_adoption(runtime::Environment& environment, const AdoptReport& report);
// Takes it away again, after a look whether Kafka can go on. Errors: kNotFound (there is no note), kInvalidRequest (the
// directories were not stopped cleanly).
Task<Result<void>> undo_adoption(runtime::Environment& environment, const AdoptReport& report);

}  // namespace weir::node
