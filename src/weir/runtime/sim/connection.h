// One simulated TCP connection: two pipes, each with bytes in flight and bytes that have arrived.
//
// Holds    - bytes of one direction arrive in order; an end or a reset arrives after what was sent before it
//          - in flight + arrived and unread <= window: a reader that does not read stops the writer
//          - after a crash of one side the other hears a reset (at once, or when the machine is up again after a power cut)
#pragma once

#include <deque>
#include <memory>

#include "weir/runtime/network.h"
#include "weir/runtime/sim/executor.h"
#include "weir/runtime/wait_queue.h"

namespace weir::runtime {

class SimSwitch;

class SimConnection {
 public:
  static constexpr int kDialer = 0;
  static constexpr int kAcceptor = 1;
  struct Place {
    SimExecutor* executor;
    Endpoint address;
  };

  SimConnection(SimSwitch& net, uint64_t id, Place dialer, Place acceptor);
  ~SimConnection();

  // As Stream's, for `side`. They hold the connection, so that the Stream may go first.
  static Task<Result<size_t>> read_some(std::shared_ptr<SimConnection> self, int side, MutableBytes into);
  static Task<Result<void>> readable(std::shared_ptr<SimConnection> self, int side);
  static Task<Result<void>> write_all(std::shared_ptr<SimConnection> self, int side, std::span<const ByteView> parts);
  void close(int side);

  // The node of `side` is gone: nothing of it runs any more.
  void crash(int side, bool silent);
  // A middle box or a cable: both sides see a reset.
  void break_now();

  bool touches(int32_t node) const;
  int32_t node(int side) const { return ends_[side].place.executor->node(); }
  const Endpoint& address(int side) const { return ends_[side].place.address; }
  uint64_t id() const { return id_; }

 private:
  struct Chunk {
    enum Kind : uint8_t { kBytes, kEnd, kReset };
    MonoTime arrival;
    Kind kind;
    Bytes bytes;
  };
  // From side `from` to the other.
  struct Pipe final : Occurrence {
    void happen() override;
    size_t held() const { return flying_bytes + arrived.size() - taken; }
    void plan();

    SimConnection* owner = nullptr;
    int from = 0;
    std::deque<Chunk> flying;
    size_t flying_bytes = 0;
    Bytes arrived;
    size_t taken = 0;
    bool ended = false;
    unsigned retries = 0;
    WaitQueue readers;
    WaitQueue writers;
  };
  struct End {
    Place place;
    bool closed = false;  // by its own node
    bool broken = false;  // heard a reset
  };

  void deliver(Pipe& pipe);
  void send(Pipe& pipe, ByteView bytes);
  void send_mark(Pipe& pipe, Chunk::Kind kind, Duration extra = 0ns);
  void hear_reset(int side);
  void wake(int side);
  SimExecutor& executor(int side) { return *ends_[side].place.executor; }

  SimSwitch& net_;
  uint64_t id_;
  End ends_[2];
  Pipe pipes_[2];
  size_t window_;
  Prng cuts_;
  Prng delays_;
  Prng losses_;
  Prng resets_;
  Prng clogs_;
};

}  // namespace weir::runtime
