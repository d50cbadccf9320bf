#pragma once

#include "scenario.h"

namespace weir::sim {

RunReport run_groups(const RunRequest& request);

inline constexpr std::string_view kGroupBugs[] = {"answer_before_commit", "stale_commits", "reload_keeps_first"};
inline constexpr std::string_view kGroupPoints[] = {
    "group: a member heard what it owns",
    "group: a member left",
    "group: a member's machine crashed",
    "group: a member was silent beyond its session",
    "group: a member was forgotten, and came back",
    "group: a stale generation was refused",
    "group: positions of a member that was out were refused",
    "group: a static member came back to a follower's place",
    "group: a static leader came back and skipped the assignment",
    "group: it was loading",
    "group: committed across a crash",
    "broker: stopped cleanly and started again",
    "broker: a disk failed under it",
    "crash: again, soon after a restart",
    "network: a connection broke between or inside frames",
    "disk: a crash lost unsynced bytes or names (all)",
    "disk: a crash lost unsynced bytes or names (torn)",
};

}  // namespace weir::sim
