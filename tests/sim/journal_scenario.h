#pragma once

#include "scenario.h"

namespace weir::sim {

RunReport run_journal(const RunRequest& request);

inline constexpr std::string_view kJournalBugs[] = {"ack_before_sync", "no_directory_sync"};
inline constexpr std::string_view kJournalPoints[] = {
    "journal: acknowledged across a crash",
    "crash: again, soon after a restart",
    "network: a connection broke between or inside frames",
    "disk: a crash lost unsynced bytes or names (all)",
    "disk: a crash lost unsynced bytes or names (random subset)",
    "disk: a crash lost unsynced bytes or names (prefix)",
    "disk: a crash lost unsynced bytes or names (torn)",
    "disk: a crash lost unsynced bytes or names (zero extended)",
};

}  // namespace weir::sim
