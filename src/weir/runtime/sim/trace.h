// The trace of a simulated world: every event folded into one 64-bit fingerprint, and, when somebody listens, as text.
// Two runs of one seed of one build must end with the same fingerprint; a difference is a bug in the simulator or hidden
// nondeterminism in the code under test.
#pragma once

#include <cstdint>
#include <string_view>

#include "weir/base/time.h"

namespace weir::runtime {

enum class SimEvent : uint8_t {
  kTurn,       // a node ran: resumed coroutines, timers fired
  kConnect,    // to port
  kRefuse,     // to port
  kDeliver,    // bytes arrived
  kEnd,        // the peer closed
  kReset,      // the connection broke
  kRead,       // disk: position, bytes
  kWrite,      // disk: position, bytes
  kSync,       // disk: bytes made durable
  kTruncate,   // disk: size
  kMetadata,   // disk: create, rename, remove
  kSyncDir,    // disk: operations made durable
  kDiskFault,  // disk: which, position
  kOffload,    // work done
  kCrash,      // incarnation, how unsynced bytes were lost
  kRestart,    // incarnation
  kPause,      // for ns
  kClock,      // wall clock jumped by ns
  kLink,       // a link was cut, clogged or mended
  kLog,        // length, hash of the line
  kNote,       // by a scenario
};
std::string_view name_of(SimEvent event);

class SimTraceSink {
 public:
  virtual ~SimTraceSink() = default;
  virtual void event(MonoTime when, std::string_view node, SimEvent event, int64_t a, int64_t b) = 0;
  virtual void line(MonoTime when, std::string_view node, std::string_view text) = 0;
};

// Mixes whole words; order matters.
class Fingerprint {
 public:
  void add(uint64_t word) {
    state_ = (state_ ^ word) * 0x9E3779B97F4A7C15ull;
    state_ ^= state_ >> 29;
  }
  void add(std::string_view text) {
    uint64_t hash = 0xCBF29CE484222325ull;
    for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ull;
    add(hash);
  }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0x243F6A8885A308D3ull;
};

}  // namespace weir::runtime
