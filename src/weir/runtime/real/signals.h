// Signals of the process as events on a loop.
//
// Owner    RealProcess, which blocks the signals before it starts a thread, so that only signalfd sees them.
// Shard    the loop it was made on.
#pragma once

#include "weir/base/error.h"
#include "weir/runtime/real/loop.h"
#include "weir/runtime/task.h"

namespace weir::runtime {

// SIGINT, SIGTERM and SIGHUP, for this thread and those it starts.
void block_signals();

class Signals {
 public:
  // The signals must be blocked in every thread: block_signals().
  explicit Signals(RealLoop& loop);

  // The next signal's number (SIGINT, SIGTERM, SIGHUP). Errors: kCancelled (closed). One caller at a time.
  Task<Result<int>> next();
  // The caller of next() gets kCancelled.
  void close() { watch_.close(); }

 private:
  FdWatch watch_;
};

// "SIGTERM" for logs.
const char* signal_name(int signal);

}  // namespace weir::runtime
