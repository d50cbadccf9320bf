// What the options of the commands that talk to a cluster come to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir::cli {

struct ClusterArgs {
  std::string bootstrap = "localhost:9092";
  bool json = false;
  std::string client_id = "weir-cli";
};

struct TopicArgs {
  ClusterArgs cluster;
  std::vector<std::string> names;
  bool all = false;  // internal topics too
  std::optional<int32_t> partitions;
  std::optional<int16_t> replicas;
  std::vector<std::string> configs;  // key=value
  std::vector<std::string> resets;   // keys
  bool dry_run = false;
  std::string before;                   // delete-records
  std::vector<std::string> of;          // partitions
};
int topic_list(const TopicArgs& args);
int topic_describe(const TopicArgs& args);
int topic_create(const TopicArgs& args);
int topic_delete(const TopicArgs& args);
int topic_alter(const TopicArgs& args);
int topic_delete_records(const TopicArgs& args);

struct ProduceArgs {
  ClusterArgs cluster;
  std::string topic;
  std::vector<std::string> files;        // none: standard input
  std::string input = "lines";           // or json
  bool whole = false;                    // a file is a record
  std::optional<std::string> separator;  // between key and value
  bool empty_is_null = false;
  bool keep_partition = false;
  std::optional<std::string> key;        // of every record
  std::vector<std::string> headers;      // key=value
  std::optional<int32_t> partition;
  std::string compression = "none";
  std::string acks = "all";
};
int produce(const ProduceArgs& args);

struct ConsumeArgs {
  ClusterArgs cluster;
  std::string topic;
  std::optional<std::string> from;
  std::optional<std::string> until;
  std::vector<std::string> partitions;  // "3", "0,2-5"
  std::vector<std::string> where;
  std::optional<std::string> format;
  uint64_t max = 0;  // 0: no limit
  bool follow = false;
  bool read_committed = false;
  std::optional<std::string> group;  // as a member of it
  std::optional<std::string> instance;
  std::vector<std::string> assignors;
  int64_t session_ms = 45'000;
  std::optional<int64_t> idle_ms;  // stop after so long without a record
};
int consume(const ConsumeArgs& args);

int describe_cluster(const ClusterArgs& args);

struct ClientConfigArgs {
  ClusterArgs cluster;
  std::string type;  // topic or broker
  std::string name;
  std::vector<std::string> words;  // keys (get), key=value (set)
  std::vector<std::string> resets;
  bool all = false;  // defaults too
};
int config_get(const ClientConfigArgs& args);
int config_set(const ClientConfigArgs& args);

}  // namespace weir::cli
