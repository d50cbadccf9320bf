// The pages that --help prints.
#pragma once

#include <string_view>

namespace weir::cli::help {

inline constexpr std::string_view kMain = R"(weir: a streaming platform that speaks Kafka's protocol

usage: weir COMMAND [options]

run
  serve [server.properties]   run a node: broker and controller in one
  format                      prepare a data directory with a cluster id of your own
  adopt DIR...                take over the log directories of a Kafka, or say what is in the way

drive a cluster, Weir's or Kafka's
  topic list|describe|create|delete|alter|delete-records
  produce TOPIC               lines of standard input become records
  consume TOPIC               records to standard output; as a member of a group with --group
  group list|describe|reset|delete
  config get|set              options of topics and brokers
  cluster                     the brokers

look
  doctor                      what is wrong with a cluster, or soon will be
  log dump FILE|DIR...        show what is in log segments, indexes, checkpoints and snapshots

keep
  backup --to DIR             a consistent copy of topics and positions; restore DIR brings it back

measure
  bench produce|consume|e2e|connections|groups

try
  demo events                 a stream of shop events as JSON lines, the same for the same seed
  demo member|shop            a consumer group that keeps the shop's numbers, and what it has

  completion bash|zsh|fish    completes commands, options and names of topics with TAB
  version                     which version this is
  COMMAND --help              the options of a command

examples
  weir serve                                        everything by default, on localhost:9092
  weir serve --port 19092 --data-dir /tmp/weir      another port, another directory
  weir topic create shop --partitions 4
  weir demo events --count 100000 | weir produce shop -k '\t'
  weir consume shop --from -5 --format '%p/%o %k %v\n'

exit codes: 0 done, 1 it failed, 2 wrong usage or configuration
)";

inline constexpr std::string_view kAdopt = R"(weir adopt: takes over the log directories of a Kafka 4 node that is broker and controller in one

usage: weir adopt [--check | --undo] [--json] DIR...

  DIR...     all of the node's log.dirs (and metadata.log.dir)
  --check    only say what is there, what a start would recover, and what is in the way
  --undo     back to Kafka, after Weir was stopped cleanly
  --json     the same as one JSON object

No server may run on the directories. Weir serves Kafka's files as they are: adopting changes nothing in them and leaves a
note, weir-adopted.txt. Everything that was written meanwhile is there when Kafka goes on.

examples
  weir adopt --check /var/lib/kafka/data
  weir adopt /var/lib/kafka/data && weir serve --override log.dirs=/var/lib/kafka/data
  weir adopt --undo /var/lib/kafka/data

exit codes: 0 Weir can open it, 1 it cannot, or the directory cannot be read, 2 wrong usage
)";

inline constexpr std::string_view kCompletion = R"(weir completion: prints a script that lets your shell complete weir's commands

usage: weir completion bash|zsh|fish

Commands, options and their values; names of topics, groups, brokers and options are asked of the cluster that
--bootstrap-server names on the line (default localhost:9092), for half a second at most.

examples
  source <(weir completion bash)                              # now; in ~/.bashrc for good
  weir completion zsh > "${fpath[1]}/_weir"
  weir completion fish > ~/.config/fish/completions/weir.fish
)";

inline constexpr std::string_view kServe = R"(weir serve: runs a node until SIGTERM or Ctrl-C; a second Ctrl-C ends it at once

usage: weir serve [server.properties] [options]

configuration: Kafka's property names and defaults; the later one wins
  server.properties         a properties file; or server.yaml, with nested keys or not
  WEIR_LOG_RETENTION_HOURS  and the like in the environment: log.retention.hours
  --override KEY=VALUE      one property; may be given many times
  --data-dir DIR            where the data lies, in DIR/log (default: see below)
  --port N                  port for Kafka clients; the controller takes N+1, HTTP the next free one

logging, to standard error
  --log-level LEVEL         debug, info (default), warning or error
  --log-json                one JSON object a line

by default
  Kafka clients             localhost:9092, from this machine only
  controller                localhost:9093
  metrics and health        http://localhost:8080/ (/metrics, /healthz, /readyz)
  data                      /var/lib/weir for root, else $XDG_DATA_HOME/weir or ~/.local/share/weir

examples
  weir serve
  weir serve server.properties --override log.retention.hours=24
  weir serve --override listeners=PLAINTEXT://0.0.0.0:9092 --override advertised.listeners=PLAINTEXT://db1:9092
)";

inline constexpr std::string_view kFormat = R"(weir format: prepares a data directory for its first start

usage: weir format [server.properties] [options]

`weir serve` does this by itself on an empty directory; use this to choose the cluster id. A directory that is formatted
already is left as it is.

  --cluster-id ID           the cluster's id (default: a new random one)
  --data-dir DIR            where the data lies, in DIR/log
  --override KEY=VALUE      one property; may be given many times
)";

inline constexpr std::string_view kLog = R"(weir log: looks at files of a log directory

usage: weir log dump FILE|DIR... [options]
)";

inline constexpr std::string_view kLogDump = R"(weir log dump: shows what is in the files of a log directory

usage: weir log dump FILE|DIR... [options]

  FILE                      *.log, *.index, *.timeindex, *.txnindex, *.snapshot, *.checkpoint, leader-epoch-checkpoint,
                            recovery-point-offset-checkpoint and its kin, meta.properties, partition.metadata,
                            quorum-state
  DIR                       every such file in it, and in the folders below
  --records                 the records of each batch too; those of the metadata log decoded
  --json                    one JSON object a line

Files are only read, also while a broker writes them. Damaged bytes are named with their position; exit code 1 when there
were any.

examples
  weir log dump /var/lib/weir/log/clicks-0
  weir log dump --records /var/lib/weir/log/__cluster_metadata-0/00000000000000000000.log
)";

inline constexpr std::string_view kDoc = R"(weir doc: pages of the documentation that are made from tables in this program

usage: weir doc configuration > docs/configuration.md
)";

inline constexpr std::string_view kDemo = R"(weir demo: data to try things with

usage: weir demo events [options]   a stream of shop events
       weir demo member [options]   a member of the group that keeps the shop's numbers
       weir demo shop [options]     what the group has kept

./dev demo runs them all, and kills some.
)";

inline constexpr std::string_view kDemoEvents = R"(weir demo events: a stream of shop events, one a line: key, TAB, JSON

usage: weir demo events [options]

Users look at products, click, put them into their cart and sometimes buy. The key is the user, so that the events of one
user stay in order. Each event carries its number in the stream (seq). The same options give the same bytes, but for the
field "sent_ms", which says when the line was written; --no-clock leaves it out.

  --seed N                  which stream (default 1)
  --count N                 how many events (default 1000000); 0: without end
  --first N                 begin with event N of the stream (default 0)
  --rate N                  events a second (default: as fast as they are taken)
  --users N                 how many users (default 1000)
  --no-clock                without the field sent_ms
  --share I/N               only users whose number divided by N leaves I; at a rate, when they would come among all
  --summary                 instead of events what they add up to, user by user, as weir demo shop --users

example
  weir demo events --rate 5000 --count 50000 | kcat -b localhost:9092 -P -t shop -K '\t'
)";

}  // namespace weir::cli::help
