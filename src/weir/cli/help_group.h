// The pages of weir group.
#pragma once

#include <string_view>

namespace weir::cli::help {

inline constexpr std::string_view kGroup = R"(weir group: consumer groups

usage: weir group list
       weir group describe NAME...   who reads what, and how far behind
       weir group reset NAME         sets where the group goes on
       weir group delete NAME...
)";

inline constexpr std::string_view kGroupList = R"(weir group list: the groups of a cluster

usage: weir group list [options]

  --state STATE               only these: Stable, Empty, PreparingRebalance...; may be given many times
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a group

example
  weir group list --state Stable
)";

inline constexpr std::string_view kGroupDescribe = R"(weir group describe: members, positions and lag of groups

usage: weir group describe NAME... [options]

  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a group

COMMITTED is where the group goes on, LAG how many offsets lie between it and END.

example
  weir group describe billing
)";

inline constexpr std::string_view kGroupReset = R"(weir group reset: sets where a group goes on reading

usage: weir group reset NAME WHERE [--topic TOPIC[:LIST]]... [--execute]

WHERE is one of
  --to-earliest               the first record that there is
  --to-latest                 the end
  --to-offset N
  --shift-by N                from the committed position; below 0: back
  --to-datetime TIME          the first record at or after it: 2026-11-28T03:00:00 (UTC), ...T04:00:00+01:00, or @MILLISECONDS
  --by-duration TIME          so long ago: 90m, 2h, 1d, or PT1H30M

  --topic TOPIC[:LIST]        only this topic, or only these partitions of it (0,2-5); may be given many times
                              (default: everything that the group has a position in)
  --execute                   does it; without, the plan is only shown (--dry-run says so, too)
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a partition

Positions before the first record or after the end move to it. Members must have left the group: they would go on from
where they are, and commit that.

examples
  weir group reset billing --to-earliest
  weir group reset billing --by-duration 2h --topic orders:0,3 --execute
)";

inline constexpr std::string_view kGroupDelete = R"(weir group delete: deletes groups and their positions

usage: weir group delete NAME... [options]

  --topic TOPIC[:LIST]        only the positions in this topic, or these partitions of it; may be given many times
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a group

examples
  weir group delete billing
  weir group delete billing --topic old-orders
)";

}  // namespace weir::cli::help
