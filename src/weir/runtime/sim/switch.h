// The network between simulated nodes: who listens where, which links are cut or clogged, every connection.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "weir/runtime/sim/connection.h"

namespace weir::runtime {

// A port that listens, and the connections that wait for accept.
struct SimPort {
  Endpoint address;
  SimExecutor* executor = nullptr;
  bool loopback_only = false;
  bool closed = false;
  std::deque<std::shared_ptr<SimConnection>> backlog;
  WaitQueue acceptors;
};

class SimSwitch {
 public:
  explicit SimSwitch(SimCore& core)
      : core_(core), hidden_(core.stream("network", "silent")), fates_(core.stream("network", "fate")) {}

  void add_host(const std::string& name, SimExecutor& executor);

  // --- faults: directed links by node number -------------------------------------------------------------------------
  void cut(int32_t from, int32_t to);
  void cut_both(int32_t a, int32_t b) { cut(a, b), cut(b, a); }
  void clog(int32_t from, int32_t to, Duration how_long);
  void mend_all();
  // Also true of a machine without power.
  bool is_cut(int32_t from, int32_t to) const;
  // Breaks every connection that touches `node`; returns how many.
  size_t break_connections(int32_t node);
  // The node died: its ports are gone, its connections break, at once or, after a power cut, when it is up again.
  void crash(int32_t node);
  void restart(int32_t node) { dark_.erase(node); }

  // --- for SimNetwork and SimConnection --------------------------------------------------------------------------------
  SimCore& core() { return core_; }
  const SimNetworkOptions& options() const { return core_.options.network; }
  SimExecutor* host(const std::string& name, int32_t asking);
  const std::string& host_name(int32_t node) const;
  // Null when nothing listens there.
  SimPort* port(int32_t node, uint16_t number, bool from_loopback);
  Result<std::shared_ptr<SimPort>> open_port(SimExecutor& executor, Endpoint at);
  void close_port(SimPort& port);
  std::shared_ptr<SimConnection> connect(SimConnection::Place dialer, SimConnection::Place acceptor);
  void forget(SimConnection& connection) { connections_.erase(connection.id()); }
  uint16_t next_ephemeral_port();
  // How long a segment from `from` to `to` takes when sent now.
  Duration latency(int32_t from, int32_t to, Prng& delays);
  // What becomes of bytes on their way when a connection breaks.
  Prng& fates() { return fates_; }

 private:
  SimCore& core_;
  Prng hidden_;
  Prng fates_;
  std::map<std::string, SimExecutor*, std::less<>> hosts_;
  std::map<std::pair<int32_t, uint16_t>, std::shared_ptr<SimPort>> ports_;
  std::map<uint64_t, SimConnection*> connections_;
  std::set<std::pair<int32_t, int32_t>> cut_;
  std::set<int32_t> dark_;  // nodes whose machine lost power
  std::map<std::pair<int32_t, int32_t>, MonoTime> clogged_until_;
  uint64_t next_connection_ = 1;
  uint16_t next_port_ = 32768;
};

}  // namespace weir::runtime
