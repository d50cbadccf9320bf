// The pages that --help prints for weir backup, weir restore and weir doctor.
#pragma once

#include <string_view>

namespace weir::cli::help {

inline constexpr std::string_view kBackup = R"(weir backup: a consistent copy of topics, their options and the positions of groups

usage: weir backup --to DIR [options]
       weir backup --verify DIR

  --to DIR                    a new or empty directory; it gets the records as Kafka's segments and a backup.json
  --topic NAME                only this topic; may be given many times (default: all but internal ones)
  --no-groups                 without the positions of groups
  --verify                    reads a backup and checks every checksum, batch and record; needs no cluster

  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object

Every position of a group lies within the records that are copied, and no transaction is copied by half: what was committed
when the copy began is in it. Producers and consumers may go on meanwhile. Works through the protocol alone, against any Kafka.
Not copied: users, ACLs, quotas, options of brokers. Ctrl-C leaves nothing behind.

examples
  weir backup --to /backup/2026-11-28
  weir backup --verify /backup/2026-11-28
  weir log dump /backup/2026-11-28/topics/clicks/0
)";

inline constexpr std::string_view kRestore = R"(weir restore: brings a backup into a cluster

usage: weir restore DIR [options]

  --topic NAME                only this topic; may be given many times
  --no-groups                 without the positions of groups
  --replicas N                copies of each partition (default: as in the backup, at most one a broker)
  --dry-run                   only say what would be done
  --resume                    go on with a restore that was interrupted
  --overwrite                 delete topics of the same names first

  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object

Topics that are there already are refused, and nothing is changed. Timestamps, headers and compression stay as they were.
Offsets stay the same where a log began at 0 and none was missing in it; else records are numbered from 0 without gaps, and the
positions of groups are moved with them, so that each group goes on with the same record.

examples
  weir restore /backup/2026-11-28 --bootstrap-server new-cluster:9092
  weir restore /backup/2026-11-28 --topic clicks --dry-run
)";

inline constexpr std::string_view kDoctor = R"(weir doctor: looks for what is wrong with a cluster, or soon will be

usage: weir doctor [options]

Checks that every broker can be reached at the address it advertises, versions, clocks, partitions without leader or with too
few copies, room on disks, risky options, and, for a broker on this machine, its limits and memory.

  --all, -a                   what is right too
  --pid PID                   the broker's process (default: the one on this machine that listens there)
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a finding

exit codes: 0 nothing is wrong (there may be warnings), 1 something is wrong or the cluster cannot be reached, 2 wrong usage

examples
  weir doctor
  weir doctor --bootstrap-server kafka1:9092 --json
)";

}  // namespace weir::cli::help
