// The commands of `weir`, each in a file of its own, and what their options come to.
//
// Exit codes: 0 done, 1 it failed, 2 wrong usage or configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/log.h"

namespace weir::cli {

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2 };

// Where a node's configuration comes from; serve and format share it.
struct ConfigArgs {
  std::string file;  // empty: none
  std::vector<std::string> overrides;
  std::optional<std::string> data_dir;
  std::optional<uint16_t> port;
};

struct ServeArgs {
  ConfigArgs config;
  std::string log_level = "info";
  bool log_json = false;
  int64_t started_ns = 0;  // CLOCK_MONOTONIC at the beginning of main
};
int serve(const ServeArgs& args);

struct FormatArgs {
  ConfigArgs config;
  std::string cluster_id;
};
int format(const FormatArgs& args);

struct AdoptArgs {
  std::vector<std::string> dirs;
  bool check = false;
  bool undo = false;
  bool json = false;
};
int adopt(AdoptArgs args);

struct LogDumpArgs {
  std::vector<std::string> paths;
  bool records = false;
  bool json = false;
};
int log_dump(const LogDumpArgs& args);

struct DemoEventsArgs {
  uint64_t seed = 1;
  uint64_t count = 1'000'000;  // 0: without end
  uint64_t rate = 0;           // events a second; 0: as fast as they are taken
  uint32_t users = 1000;
  uint64_t first = 0;  // number of the first event
  bool clock = true;   // with sent_ms
  uint32_t share = 0;  // only users whose number leaves this remainder
  uint32_t shares = 1;  // when divided by that
  bool summary = false;  // what the events add up to, instead of them
};
int demo_events(const DemoEventsArgs& args);

// docs/configuration.md.
int doc_configuration();

int version();

}  // namespace weir::cli
