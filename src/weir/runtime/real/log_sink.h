// Log lines to a descriptor, one write per line so that lines of several shards never mix.
//
//   text   2026-11-25 17:14:38.123 INFO  server  listening on 127.0.0.1:9092        (local time; colour on a terminal)
//   json   {"time":"2026-11-25T17:14:38.123Z","level":"info","module":"server","message":"listening on 127.0.0.1:9092"}
#pragma once

#include "weir/base/log.h"

namespace weir::runtime {

enum class LogFormat : uint8_t { kText, kJson };

// Any thread.
class RealLogSink final : public LogSink {
 public:
  // The descriptor stays the caller's; 2 is standard error.
  explicit RealLogSink(LogFormat format = LogFormat::kText, int fd = 2);
  void write(LogLevel level, std::string_view module, std::string_view line) override;

 private:
  LogFormat format_;
  int fd_;
  bool colour_;
};

}  // namespace weir::runtime
