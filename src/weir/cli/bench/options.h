// What the options of `weir bench` come to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/cli/client_args.h"

namespace weir::cli {

struct BenchArgs {
  ClusterArgs cluster;
  std::optional<int32_t> pid;  // of the broker; found by its port when it runs here

  // The topic: made for the run and deleted after it when none is named.
  std::string topic;
  int32_t partitions = 1;
  int16_t replicas = 1;
  std::vector<std::string> configs;
  bool keep = false;

  // What is sent.
  double rate = 0;  // records a second over all connections; 0: as fast as they are acknowledged
  uint64_t record_bytes = 1024;
  uint64_t batch_bytes = 16 << 10;
  double linger_ms = 5;
  uint32_t keys = 0;  // 0: without keys
  std::string compression = "none";
  std::string acks = "all";
  uint32_t in_flight = 5;  // requests of a connection
  uint32_t connections = 1;

  // How long.
  std::optional<int64_t> duration_ms;
  uint64_t count = 0;
  int64_t warm_up_ms = 2000;
  bool verify = false;

  // What is read.
  std::string from = "beginning";
  uint32_t fan_out = 1;
  uint64_t fetch_bytes = 1 << 20;  // of a partition in one answer
  int64_t wait_ms = 500;
  uint64_t bytes_min = 1;

  // bench connections
  uint32_t idle_count = 1000;
  int64_t hold_ms = 2000;

  // bench groups
  uint32_t members = 100;
  int64_t heartbeat_ms = 1000;
  int64_t session_ms = 45'000;
  uint32_t rounds = 1;
};
int bench_produce(const BenchArgs& args);
int bench_consume(const BenchArgs& args);
int bench_e2e(const BenchArgs& args);
int bench_connections(const BenchArgs& args);
int bench_groups(const BenchArgs& args);

}  // namespace weir::cli
