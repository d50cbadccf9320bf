#pragma once

#include "scenario.h"

namespace weir::sim {

RunReport run_broker(const RunRequest& request);

inline constexpr std::string_view kBrokerBugs[] = {"ack_before_sync", "forget_start_offsets"};
inline constexpr std::string_view kBrokerPoints[] = {
    "broker: acknowledged across a crash",
    "broker: stopped cleanly and started again",
    "broker: a disk failed under it",
    "broker: records were deleted",
    "broker: everything was deleted",
    "broker: deleted across a crash",
    "broker: a reader's place in the log was deleted",
    "crash: again, soon after a restart",
    "network: a writer waited for a slow reader",
    "network: a connection broke between or inside frames",
    "disk: a crash lost unsynced bytes or names (all)",
    "disk: a crash lost unsynced bytes or names (random subset)",
    "disk: a crash lost unsynced bytes or names (prefix)",
    "disk: a crash lost unsynced bytes or names (torn)",
    "disk: a crash lost unsynced bytes or names (zero extended)",
};

}  // namespace weir::sim
