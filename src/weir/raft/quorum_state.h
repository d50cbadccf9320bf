// quorum-state: the epoch, and whom this node voted for or follows in it.
//
// Owner    the quorum's driver.
// Format   docs/formats/metadata-log.md: one line of JSON; data_version 1 with kraft.version 1, 0 (with the voters) before.
// Holds    the file on disk is never behind what this node has said: it is synced before a vote or an epoch is used
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/uuid.h"
#include "weir/runtime/disk.h"

namespace weir::raft {

inline constexpr std::string_view kQuorumStateFile = "quorum-state";

struct ElectionState {
  LeaderEpoch epoch{0};
  BrokerId leader = kNoBroker;
  BrokerId voted = kNoBroker;
  Uuid voted_directory;
  std::vector<BrokerId> voters;  // data_version 0 only
  friend bool operator==(const ElectionState&, const ElectionState&) = default;
};

// Errors: kMalformedFile with what is wrong.
Result<ElectionState> parse_quorum_state(std::string_view text);
// data_version 1, or 0 when `kraft_version` is 0.
std::string format_quorum_state(const ElectionState& state, int16_t kraft_version);

// A missing file is epoch 0 without a vote.
runtime::Task<Result<ElectionState>> read_quorum_state(runtime::Disk& disk, std::string log_dir);
runtime::Task<Result<void>> write_quorum_state(runtime::Disk& disk, std::string log_dir, ElectionState state,
                                               int16_t kraft_version);

}  // namespace weir::raft
