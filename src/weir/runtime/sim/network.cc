#include "weir/runtime/sim/network.h"

#include <algorithm>

namespace weir::runtime {

namespace {

constexpr Duration kSynRetry = 1s;

class SimStream final : public Stream {
 public:
  SimStream(std::shared_ptr<SimConnection> connection, int side) : connection_(std::move(connection)), side_(side) {}
  ~SimStream() override { SimStream::close(); }

  Task<Result<size_t>> read_some(MutableBytes into, size_t) override { return SimConnection::read_some(connection_, side_, into); }
  Task<Result<void>> readable() override { return SimConnection::readable(connection_, side_); }
  Task<Result<void>> write_all(std::span<const ByteView> parts, bool) override {
    return SimConnection::write_all(connection_, side_, parts);
  }
  void close() override { connection_->close(side_); }
  const Endpoint& peer() const override { return connection_->address(1 - side_); }
  const Endpoint& local() const override { return connection_->address(side_); }

 private:
  std::shared_ptr<SimConnection> connection_;
  int side_;
};

class SimListener final : public Listener {
 public:
  SimListener(SimSwitch& net, std::shared_ptr<SimPort> port)
      : net_(net), port_(std::move(port)), errors_(net.core().stream(net.host_name(port_->executor->node()), "accept")) {}
  ~SimListener() override { SimListener::close(); }

  Task<Result<std::unique_ptr<Stream>>> accept() override {
    if (chance_ppm(errors_, net_.options().accept_error_ppm)) return out_of_descriptors();
    return accept_on(port_);
  }
  void close() override { net_.close_port(*port_); }
  const Endpoint& local() const override { return port_->address; }

 private:
  static Task<Result<std::unique_ptr<Stream>>> out_of_descriptors() {
    co_return fail(ErrorCode::kUnavailable, "out of file descriptors");
  }
  // Holds the port, so that the Listener may go first.
  static Task<Result<std::unique_ptr<Stream>>> accept_on(std::shared_ptr<SimPort> port) {
    for (;;) {
      if (port->closed) co_return fail(ErrorCode::kConnectionClosed);
      if (!port->backlog.empty()) {
        std::shared_ptr<SimConnection> connection = std::move(port->backlog.front());
        port->backlog.pop_front();
        co_return std::make_unique<SimStream>(std::move(connection), SimConnection::kAcceptor);
      }
      const Result<void> woken = co_await port->acceptors.wait(*port->executor);
      WEIR_ASSERT(woken.has_value());
    }
  }

  SimSwitch& net_;
  std::shared_ptr<SimPort> port_;
  Prng errors_;
};

}  // namespace

Task<Result<std::unique_ptr<Listener>>> SimNetwork::listen(Endpoint at) {
  WEIR_CO_TRY(std::shared_ptr<SimPort> port, net_.open_port(executor_, std::move(at)));
  co_return std::make_unique<SimListener>(net_, std::move(port));
}

// Nothing happens between the opening of the port and its end.
Task<Result<Endpoint>> SimNetwork::probe(Endpoint at) {
  WEIR_CO_TRY(const auto taken, co_await listen(std::move(at)));
  co_return taken->local();
}

Task<Result<std::unique_ptr<Stream>>> SimNetwork::connect(Endpoint to, Deadline deadline) {
  SimCore& core = net_.core();
  const int32_t here = executor_.node();
  SimExecutor* host = net_.host(to.host, here);
  if (host == nullptr) co_return fail(ErrorCode::kInvalidArgument, fmt::format("no such host: {}", to.host));
  const int32_t there = host->node();
  const uint16_t port_here = net_.next_ephemeral_port();
  Prng delays =
      core.stream(net_.host_name(here), fmt::format("connect to {} from port {} at {}", to.text(), port_here, core.now.ns));
  core.note(SimEvent::kConnect, here, there, to.port);
  for (;;) {
    const Duration left = deadline.when == kFarFuture ? Duration::max() : deadline.when - executor_.now();
    if (left <= 0ns) co_return fail(ErrorCode::kDeadlineExceeded, fmt::format("no answer from {}", to.text()));
    const Duration way = net_.latency(here, there, delays);
    if (net_.is_cut(here, there) || net_.is_cut(there, here) || way > left) {
      co_await SimDelay(executor_, std::min(left, kSynRetry));
      continue;
    }
    co_await SimDelay(executor_, way);
    SimPort* port = net_.port(there, to.port, here == there);
    const bool refused = port == nullptr || port->backlog.size() >= net_.options().backlog;
    if (refused) {
      co_await SimDelay(executor_, net_.latency(there, here, delays));
      core.note(SimEvent::kRefuse, here, there, to.port);
      co_return fail(ErrorCode::kConnectionRefused, fmt::format("{} refused the connection", to.text()));
    }
    Endpoint address_here{net_.host_name(here), port_here};
    Endpoint address_there{net_.host_name(there), to.port};
    std::shared_ptr<SimConnection> connection =
        net_.connect({&executor_, std::move(address_here)}, {host, std::move(address_there)});
    port->backlog.push_back(connection);
    port->acceptors.notify_one();
    // From here on the stream closes itself if this frame dies.
    auto stream = std::make_unique<SimStream>(std::move(connection), SimConnection::kDialer);
    co_await SimDelay(executor_, net_.latency(there, here, delays));
    co_return std::unique_ptr<Stream>(std::move(stream));
  }
}

}  // namespace weir::runtime
