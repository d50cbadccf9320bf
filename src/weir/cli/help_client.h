// The pages that --help prints for the commands that talk to a cluster.
#pragma once

#include <string_view>

namespace weir::cli::help {

inline constexpr std::string_view kTopic = R"(weir topic: topics of a cluster, Weir's or Kafka's

usage: weir topic COMMAND [options]

  list                        every topic, with its partitions and replicas
  describe NAME...            leaders, offsets and replicas of each partition, and options that were set
  create NAME...              --partitions N, --replicas N, --config KEY=VALUE
  delete NAME...
  alter NAME                  more partitions, other options
  delete-records NAME         what lies before an offset or a time

  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a line

examples
  weir topic create clicks --partitions 12 --config retention.ms=86400000
  weir topic list --bootstrap-server kafka1:9092
)";

inline constexpr std::string_view kTopicList = R"(weir topic list: every topic of the cluster

usage: weir topic list [options]

  --all, -a                   internal topics too
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a line

examples
  weir topic list
  weir topic list --all --json
)";

inline constexpr std::string_view kTopicDescribe = R"(weir topic describe: leaders, offsets and replicas of each partition

usage: weir topic describe NAME... [options]

  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a topic

example
  weir topic describe clicks
)";

inline constexpr std::string_view kTopicCreate = R"(weir topic create: makes topics

usage: weir topic create NAME... [options]

  --partitions N              (default: the broker's num.partitions)
  --replicas N                (default: the broker's default.replication.factor)
  --config KEY=VALUE          an option of the topic; may be given many times
  --dry-run                   only say whether it would work
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a topic

examples
  weir topic create clicks
  weir topic create clicks --partitions 12 --config retention.ms=86400000 --config compression.type=zstd
)";

inline constexpr std::string_view kTopicDelete = R"(weir topic delete: deletes topics and all their records

usage: weir topic delete NAME... [options]

  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a topic

example
  weir topic delete clicks
)";

inline constexpr std::string_view kTopicAlter = R"(weir topic alter: gives a topic more partitions or other options

usage: weir topic alter NAME [options]

  --partitions N              the new number, above the old one; keys go to other partitions from then on
  --config KEY=VALUE          sets an option; may be given many times
  --reset KEY                 back to the default; may be given many times
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object

example
  weir topic alter clicks --partitions 24 --reset retention.ms
)";

inline constexpr std::string_view kTopicDeleteRecords = R"(weir topic delete-records: deletes what lies before a place in the log

usage: weir topic delete-records NAME --before WHERE [options]

  --before WHERE              an offset (it stays), end (everything goes), -N (all but the last N), a time: 2026-11-28T10:00,
                              -1h; in each partition
  --partition LIST, -p LIST   only these: 3 or 0,2-5
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a partition

examples
  weir topic delete-records clicks --before -7d
  weir topic delete-records clicks --before 120000 --partition 3
)";

inline constexpr std::string_view kProduce = R"(weir produce: each line of standard input or of files becomes a record

usage: weir produce TOPIC [FILE...] [options]

input
  FILE                        instead of standard input; - is standard input
  -k, --separator TEXT        what stands between key and value in a line (\t for TAB); without it a line is a value
  --input json                each line is an object as weir consume --json writes it: key, value, headers, timestamp;
                              key_base64 and value_base64 for bytes; a value that is no text stands for its own JSON
  --whole                     each file is one record
  --empty-is-null, -Z         an empty value is a tombstone, an empty key none

records
  --key KEY                   the key of every record
  --header KEY=VALUE          a header of every record; may be given many times
  --partition N, -p N         every record to this partition (default: by key as Kafka does, else in turns)
  --keep-partition            with --input json: to the partition that the object names
  --compression CODEC         none (default), gzip, snappy, lz4 or zstd
  --acks HOW                  all (default), 1 or 0

  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      the result as a JSON object

With --acks all every record is stored once and in order, also when connections break on the way. Ctrl-C stops reading and
stores what was read.

examples
  echo hello | weir produce greetings
  weir demo events --count 100000 | weir produce shop -k '\t' --compression lz4
  weir consume clicks --json | weir produce copy --input json
  echo '{"key":"a","value":{"n":1},"headers":{"trace":"7"}}' | weir produce clicks --input json
)";

inline constexpr std::string_view kConsume = R"(weir consume: records to standard output

usage: weir consume TOPIC [options]

which records
  --from WHERE                beginning, end, an offset, -N (the last N of each partition), -15m (s m h d: a time ago),
                              2026-11-28T10:00:00 (UTC, or with a zone like +01:00), @MILLISECONDS since 1970
                              (default: beginning; with --follow end)
  --until WHERE               end (default: what was the end when the command began), an offset or a time; not itself
  --follow, -f                go on with what comes, until Ctrl-C
  --exit-at-end, -e           the default, as in kcat
  --max N, -n N               stop after N records
  --partition LIST, -p LIST   only these: 3 or 0,2-5; may be given many times
  --where CONDITION           only records that fit; may be given many times, all must hold:
                              key=TEXT, value~TEXT (contains), ^= begins with, $= ends with, !=, !~, header.NAME=TEXT,
                              partition, offset, timestamp, size with = != < <= > >=, value (is there), !value (is not)
  --read-committed            without records of transactions that are open or aborted

how they are written
  --format FORMAT             plain (default: values, one a line), keyvalue (key TAB value), json, raw, hex, or a text with
                              %k key, %v value, %o offset, %p partition, %t topic, %T timestamp, %D the same as a date,
                              %h headers, %K and %V bytes of key and value, %k{hex}, %v{base64}, %v{json}, \n, \t, \x00, %%
  --json                      the same as --format json: weir produce --input json reads it

  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)

as a member of a consumer group, which shares the partitions out and goes on where it was
  --group NAME, -G NAME       go on with what comes until Ctrl-C; what was printed is committed
                              --from says where to begin without a position: beginning (default) or end
  --idle TIME                 stop after so long without a record: 10s, 1m
  --instance ID               a static member: keeps its partitions when it is back within the session
  --assignor NAME             range, roundrobin or cooperative-sticky (default); may be given many times
  --session TIME              how long the group waits for a member that is gone (default 45s)

examples
  weir consume clicks --from -10
  weir consume clicks --follow --format '%p/%o %k: %v\n'
  weir consume clicks --from -15m --where key^=user-4 --where value~purchase
  weir consume clicks --from 2026-11-28T10:00 --until 2026-11-28T11:00 --json
  weir consume clicks --group billing --max 1000
)";

inline constexpr std::string_view kCluster = R"(weir cluster: brokers, controller, features and log directories of a cluster

usage: weir cluster [options]

  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object

example
  weir cluster --bootstrap-server kafka1:9092
)";

inline constexpr std::string_view kConfig = R"(weir config: options of topics, brokers and groups while they run

usage: weir config get topic|broker|group NAME [OPTION...]
       weir config set topic|broker|group NAME KEY=VALUE...
)";

inline constexpr std::string_view kConfigGet = R"(weir config get: shows options

usage: weir config get topic|broker|group NAME [OPTION...] [options]

  NAME                        of the topic; the number of the broker
  OPTION                      only these (default: those that are not at their default)
  --all, -a                   defaults too
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object a line

examples
  weir config get topic clicks
  weir config get broker 1 log.retention.hours num.partitions
)";

inline constexpr std::string_view kConfigSet = R"(weir config set: changes options

usage: weir config set topic|broker|group NAME KEY=VALUE... [options]

  --reset KEY                 back to the default; may be given many times
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)
  --json                      one JSON object

example
  weir config set topic clicks retention.ms=3600000
)";

}  // namespace weir::cli::help
