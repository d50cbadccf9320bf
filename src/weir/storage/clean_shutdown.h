// .kafka_cleanshutdown: the proof that a log directory was stopped cleanly, and the broker epoch of that run.
//
// Owner    LogManager, which removes it at start and writes it last.
// Format   docs/formats/log-directory.md: {"version":0,"brokerEpoch":N}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/error.h"
#include "weir/runtime/disk.h"

namespace weir::storage {

inline constexpr std::string_view kCleanShutdownFile = ".kafka_cleanshutdown";

// The broker epoch in it; nullopt when the text is not what Kafka writes. An empty file (Kafka before 3.8) has none either.
std::optional<int64_t> parse_clean_shutdown(std::string_view text);
std::string format_clean_shutdown(int64_t broker_epoch);

struct CleanShutdown {
  bool found = false;             // the file was there: the stop was clean
  int64_t broker_epoch = -1;      // -1 when the file does not say
};

// Reads the marker of `dir` and removes it, so that only a later clean stop can leave one.
runtime::Task<Result<CleanShutdown>> take_clean_shutdown(runtime::Disk& disk, std::string dir);
runtime::Task<Result<void>> write_clean_shutdown(runtime::Disk& disk, std::string dir, int64_t broker_epoch);

}  // namespace weir::storage
