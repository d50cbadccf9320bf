#include "weir/runtime/sim/switch.h"

#include <algorithm>
#include <vector>

namespace weir::runtime {

namespace {
constexpr uint16_t kEphemeralFirst = 32768;
constexpr Duration kLoopbackLatency = 20us;
bool is_loopback(std::string_view host) { return host == "localhost" || host == "127.0.0.1" || host == "::1"; }
}  // namespace

void SimSwitch::add_host(const std::string& name, SimExecutor& executor) {
  WEIR_ASSERT(!hosts_.contains(name), name);
  hosts_[name] = &executor;
}

void SimSwitch::cut(int32_t from, int32_t to) {
  core_.note(SimEvent::kLink, from, to, 0);
  cut_.insert({from, to});
}

void SimSwitch::clog(int32_t from, int32_t to, Duration how_long) {
  core_.note(SimEvent::kLink, from, to, how_long.count());
  MonoTime& until = clogged_until_[{from, to}];
  until = std::max(until, core_.now + how_long);
}

void SimSwitch::mend_all() {
  core_.note(SimEvent::kLink, -1);
  cut_.clear();
  clogged_until_.clear();
}

bool SimSwitch::is_cut(int32_t from, int32_t to) const {
  if (!dark_.empty() && (dark_.contains(from) || dark_.contains(to))) return true;
  return !cut_.empty() && cut_.contains({from, to});
}

size_t SimSwitch::break_connections(int32_t node) {
  size_t count = 0;
  for (auto& [id, connection] : connections_) {
    if (!connection->touches(node)) continue;
    connection->break_now();
    ++count;
  }
  return count;
}

void SimSwitch::crash(int32_t node) {
  const bool silent = hidden_.chance(options().silent_crash_percent);
  if (silent) dark_.insert(node);
  for (auto at = ports_.begin(); at != ports_.end();) {
    if (at->first.first != node) {
      ++at;
      continue;
    }
    const std::shared_ptr<SimPort> port = at->second;
    at = ports_.erase(at);
    port->closed = true;
    port->backlog.clear();  // connections nobody accepted: their dialers are told below
  }
  for (auto& [id, connection] : connections_) {
    for (int side : {SimConnection::kDialer, SimConnection::kAcceptor}) {
      if (connection->node(side) == node) connection->crash(side, silent);
    }
  }
}

SimExecutor* SimSwitch::host(const std::string& name, int32_t asking) {
  if (is_loopback(name)) {
    for (const auto& [host, executor] : hosts_) {
      if (executor->node() == asking) return executor;
    }
  }
  const auto at = hosts_.find(name);
  return at == hosts_.end() ? nullptr : at->second;
}

const std::string& SimSwitch::host_name(int32_t node) const { return core_.node_names[node]; }

SimPort* SimSwitch::port(int32_t node, uint16_t number, bool from_loopback) {
  const auto at = ports_.find({node, number});
  if (at == ports_.end() || (at->second->loopback_only && !from_loopback)) return nullptr;
  return at->second.get();
}

Result<std::shared_ptr<SimPort>> SimSwitch::open_port(SimExecutor& executor, Endpoint at) {
  const int32_t node = executor.node();
  const bool any = at.host.empty() || at.host == "0.0.0.0" || at.host == "::";
  const SimExecutor* named = any ? &executor : host(at.host, node);
  if (named != &executor)
    return fail(ErrorCode::kInvalidArgument, fmt::format("cannot listen on {}: not an address of this host", at.text()));
  if (at.port == 0) {
    do at.port = next_ephemeral_port();
    while (ports_.contains({node, at.port}));
  }
  if (ports_.contains({node, at.port})) {
    return fail(ErrorCode::kAddressInUse, fmt::format("cannot listen on {}: address in use", at.text()));
  }
  auto port = std::make_shared<SimPort>();
  port->loopback_only = is_loopback(at.host);
  port->address = std::move(at);
  port->executor = &executor;
  ports_[{node, port->address.port}] = port;
  return port;
}

void SimSwitch::close_port(SimPort& port) {
  if (port.closed) return;
  port.closed = true;
  const auto keep = std::exchange(port.backlog, {});
  for (const std::shared_ptr<SimConnection>& waiting : keep) waiting->close(SimConnection::kAcceptor);
  port.acceptors.notify_all();
  ports_.erase({port.executor->node(), port.address.port});
}

std::shared_ptr<SimConnection> SimSwitch::connect(SimConnection::Place dialer, SimConnection::Place acceptor) {
  const uint64_t id = next_connection_++;
  auto connection = std::make_shared<SimConnection>(*this, id, std::move(dialer), std::move(acceptor));
  connections_[id] = connection.get();
  return connection;
}

uint16_t SimSwitch::next_ephemeral_port() {
  if (next_port_ < kEphemeralFirst) next_port_ = kEphemeralFirst;
  return next_port_++;
}

Duration SimSwitch::latency(int32_t from, int32_t to, Prng& delays) {
  if (from == to) return kLoopbackLatency;
  Duration delay = std::min(sample_delay(delays, options().latency_min, options().latency_mean), options().latency_max);
  if (!clogged_until_.empty()) {
    const auto clogged = clogged_until_.find({from, to});
    if (clogged != clogged_until_.end()) delay = std::max(delay, clogged->second - core_.now);
  }
  return delay;
}

}  // namespace weir::runtime
