// The pages that --help prints for weir bench.
#pragma once

#include <string_view>

namespace weir::cli::help {

inline constexpr std::string_view kBench = R"(weir bench: loads for any Kafka-compatible broker, measured

usage: weir bench COMMAND [options]

  produce [TOPIC]             records at a rate or as fast as they are acknowledged
  consume TOPIC               reads what is there, once or for a time
  e2e [TOPIC]                 from the instant a record is due to its arrival at a consumer
  connections [N]             what an idle connection costs the broker
  groups                      how long rebalances of a consumer group take

Latencies count from the instant at which a record was due, not from when it could be sent, so that a stall counts for every
record it delays. For a broker on this machine: its own processor time and memory. The load comes from one thread.

examples
  weir bench produce --partitions 12 --batch-size 128k --duration 20s
  weir bench e2e --rate 10000 --duration 30s --bootstrap-server kafka1:9092
)";

inline constexpr std::string_view kBenchProduce = R"(weir bench produce: sends records and measures

usage: weir bench produce [TOPIC] [options]

  TOPIC                       one that exists (default: one is made for the run and deleted after it)
  --partitions N              of the topic that is made (default 1)
  --replicas N                (default 1)
  --config KEY=VALUE          of the topic that is made; may be given many times
  --keep                      do not delete the topic that was made

load
  --rate N                    records a second, over all connections (default 0: as fast as they are acknowledged)
  --record-size BYTES         of a value (default 1k); letters that compress to about half
  --batch-size BYTES          a batch has at most that (default 16k)
  --linger-ms MS              how long a record waits for company when there is a rate (default 5)
  --keys N                    so many different keys; scatters records over the partitions (default 0: without keys)
  --compression CODEC         none (default), gzip, snappy, lz4 or zstd
  --acks HOW                  all (default), 1 or 0
  --in-flight N               requests under way on a connection (default 5)
  --connections N             (default 1)

how long
  --duration TIME             of the measured part (default 10s)
  --count N                   or so many records
  --warm-up TIME              before that (default 2s)
  --verify                    then reads everything back: each acknowledged record must be there once

  --pid PID                   the broker's process (default: the one on this machine that listens there)
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object

examples
  weir bench produce --partitions 12 --batch-size 128k
  weir bench produce clicks --rate 20000 --record-size 100 --linger-ms 0 --keys 1000 --duration 1m
  weir bench produce --count 1000000 --verify --json
)";

inline constexpr std::string_view kBenchConsume = R"(weir bench consume: reads a topic and measures

usage: weir bench consume TOPIC [options]

  --from WHERE                beginning (default) or end
  --duration TIME             that long, again and again from the beginning (default: everything there is, once)
  --warm-up TIME              before a --duration (default 2s)
  --count N                   stop after N records
  --fan-out N                 N consumers, each reading all of it (default 1)
  --connections N             of one consumer (default 1)
  --fetch-size BYTES          of a partition in one answer (default 1m)
  --wait TIME                 how long the broker may wait for --min-bytes (default 500ms)
  --min-bytes BYTES           (default 1)

  --pid PID                   the broker's process (default: the one on this machine that listens there)
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object

Records are counted by the headers of their batches and not unpacked.

examples
  weir bench consume clicks
  weir bench consume clicks --fan-out 10 --duration 20s
)";

inline constexpr std::string_view kBenchE2e = R"(weir bench e2e: from the instant a record is due to its arrival at a consumer

usage: weir bench e2e [TOPIC] [options]

The options of weir bench produce and of weir bench consume; by default 10,000 records of 100 bytes a second, no linger.
Every acknowledged record must arrive once, or the command fails.

  --rate N                    records a second (default 10000)
  --record-size BYTES         (default 100)      --batch-size BYTES   (default 16k)
  --linger-ms MS              (default 0)        --keys N             (default 0)
  --partitions N              (default 1)        --replicas N         (default 1)
  --config KEY=VALUE          of the topic that is made; --keep keeps it
  --compression CODEC         (default none)     --acks all|1|0       (default all)
  --in-flight N               (default 5)        --connections N      (default 1)
  --duration TIME             (default 10s)      --count N            --warm-up TIME (default 2s)
  --fan-out N                 consumers, each reading all of it (default 1); the first is checked
  --fetch-size BYTES          (default 1m)       --wait TIME          (default 500ms)   --min-bytes BYTES (default 1)

  --pid PID                   the broker's process (default: the one on this machine that listens there)
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object

examples
  weir bench e2e --rate 100000 --partitions 4 --linger-ms 1 --duration 30s
)";

inline constexpr std::string_view kBenchConnections = R"(weir bench connections: what an idle connection costs the broker

usage: weir bench connections [N] [options]

  N                           how many (default 1000), all to one broker; each asks for ApiVersions, then nothing
  --hold TIME                 how long they stay (default 2s)

  --pid PID                   the broker's process (default: the one on this machine that listens there)
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object

example
  weir bench connections 10000
)";

inline constexpr std::string_view kBenchGroups = R"(weir bench groups: how long rebalances of a consumer group take

usage: weir bench groups [options]

All members join a new group at once; then one leaves; then one joins. Each time: from that instant until every member has its
assignment of the new generation, and how much of it is after the last member had asked to join (the broker's own part).

  --members N                 (default 100), each on a connection of its own
  --rounds N                  how often one leaves and one joins (default 1)
  --heartbeat TIME            members learn of a rebalance by it (default 1s)
  --session TIME              session timeout (default 45s)

  --pid PID                   the broker's process (default: the one on this machine that listens there)
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object

The first rebalance of an empty group waits for group.initial.rebalance.delay.ms on the broker.

example
  weir bench groups --members 1000
)";

}  // namespace weir::cli::help
