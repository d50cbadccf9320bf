// How kind a simulated world is. The defaults are a healthy world; scenarios turn faults on, a random subset per seed.
// Chances are in parts per million of the operation they name, except those named percent.
#pragma once

#include <cstddef>
#include <cstdint>

#include "weir/base/log.h"
#include "weir/base/time.h"

namespace weir::runtime {

struct SimNetworkOptions {
  Duration latency_min = 50us;    // one way
  Duration latency_mean = 200us;  // of the part above the least, exponential
  Duration latency_max = 5s;
  size_t segment_bytes_max = 16 << 10;
  unsigned split_percent = 10;        // of segments and reads are cut at a random byte
  size_t window_bytes_min = 4 << 10;  // a connection's window is drawn between these; a full one blocks the writer
  size_t window_bytes_max = 256 << 10;
  size_t backlog = 128;    // connections that wait for accept; more are refused
  uint32_t loss_ppm = 0;   // of segments wait for a retransmission, 200 ms and doubling
  uint32_t reset_ppm = 0;  // of segments break the connection
  uint32_t clog_ppm = 0;   // of segments clog their link for up to clog_max
  Duration clog_max = 5s;
  uint32_t accept_error_ppm = 0;      // accept answers kUnavailable
  unsigned silent_crash_percent = 0;  // of crashes are power cuts: peers hear nothing until the machine is up again
};

struct SimDiskOptions {
  uint64_t capacity_bytes = 1ull << 40;
  Duration access_min = 5us;  // a write into or read from memory
  Duration access_mean = 20us;
  Duration sync_min = 100us;
  Duration sync_mean = 1ms;
  unsigned inline_percent = 30;      // of reads and writes end without suspending
  unsigned cache_miss_percent = 20;  // of read_cached calls find nothing in memory
  unsigned writeback_percent = 5;    // of writes make the disk write some dirty sectors of that file by itself
  uint32_t read_error_ppm = 0;       // kDiskError
  uint32_t write_error_ppm = 0;      // kDiskError with a random prefix written
  uint32_t sync_error_ppm = 0;       // kDiskError, and the dirty pages turn clean without being written: the next sync lies
  bool no_space_at_sync = false;     // space is claimed by sync, not by write
  uint32_t slow_ppm = 0;             // of operations take up to slow_max
  Duration slow_max = 10s;
};

struct SimOptions {
  SimNetworkOptions network;
  SimDiskOptions disk;
  Duration step_cost_min = 500ns;  // processor time of one resumed coroutine, drawn per turn
  Duration step_cost_max = 3us;
  Duration offload_min = 10us;
  Duration offload_mean = 200us;
  int64_t wall_start_ms = 1'764'000'000'000;
  int64_t wall_offset_max_ms = 0;  // each node's wall clock starts off by up to this
  int64_t drift_ppm_max = 50;      // each node's clocks run fast or slow by up to this
  LogLevel log_level = LogLevel::kInfo;
};

}  // namespace weir::runtime
