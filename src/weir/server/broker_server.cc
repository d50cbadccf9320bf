#include "weir/server/broker_server.h"

#include "weir/metadata/topic_config.h"

namespace weir::server {
namespace {
constexpr Duration kPauseWithoutDescriptors = 100ms;
constexpr Duration kLookAround = 5s;   // for idle connections with large buffers
}

BrokerServer::BrokerServer(Services& services)
    : services_(services),
      refusals_(services.environment.log),
      acceptors_(services.environment.executor),
      connections_(services.environment.executor) {
  services_.metrics.gauge("kafka_server_socketservermetrics_connection_count", "Connections open now.", {},
                          [this] { return static_cast<double>(connections_.size()); });
  services_.metrics.gauge("weir_request_bytes_in_memory", "Bytes of requests that were read and are not answered.", {},
                          [this] { return static_cast<double>(services_.bytes.requests.used()); });
  services_.metrics.gauge("weir_answer_bytes_in_memory", "Bytes of answers that are not sent.", {},
                          [this] { return static_cast<double>(services_.bytes.answers.used()); });
}

BrokerServer::~BrokerServer() = default;

Task<Result<void>> BrokerServer::listen() {
  for (const ListenerOptions& options : services_.options.listeners) {
    WEIR_CO_TRY(std::unique_ptr<runtime::Listener> listener, co_await services_.environment.network.listen(options.bind));
    listeners_.push_back(std::move(listener));
  }
  co_return Result<void>();
}

const runtime::Endpoint& BrokerServer::local(size_t index) const {
  WEIR_ASSERT(index < listeners_.size(), index, listeners_.size());
  return listeners_[index]->local();
}

Task<void> BrokerServer::serve() {
  for (size_t i = 0; i < listeners_.size(); ++i) acceptors_.spawn(&BrokerServer::accept_loop, this, i);
  acceptors_.spawn(&BrokerServer::look_around, this);
  (void)co_await acceptors_.join();
  (void)co_await connections_.join();
}

Task<void> BrokerServer::look_around(BrokerServer* self) {
  runtime::Executor& executor = self->services_.environment.executor;
  while (co_await runtime::sleep_until(executor, executor.now() + kLookAround, self->stop_.token())) {
    self->open_.for_each([](Connection& connection) { connection.shrink_if_idle(); });
    self->refusals_.settle(executor.now());
  }
}

// What the configuration says now; where it says no more than Kafka's default, which is no limit, our own.
size_t BrokerServer::limit(std::string_view option, size_t without) const {
  const metadata::ConfigContext config{*services_.metadata.image(), services_.static_config, services_.options.node_id};
  const int64_t configured = metadata::effective_broker_number(config, option);
  return configured == INT32_MAX ? without : static_cast<size_t>(configured);
}

Task<void> BrokerServer::wait_for_turn(const runtime::Stream& stream) {
  runtime::Executor& executor = services_.environment.executor;
  const MonoTime now = executor.now();
  const MonoTime turn = rate_.admit(now, static_cast<int64_t>(limit("max.connection.creation.rate", INT32_MAX)));
  if (turn <= now) co_return;
  refusals_.say(now, fmt::format("{} waits {} ms: more connections come than max.connection.creation.rate allows", stream.peer().text(),
                                 (turn - now) / 1ms));
  (void)co_await runtime::sleep_until(executor, turn, stop_.token());
}

Task<void> BrokerServer::accept_loop(BrokerServer* self, size_t index) {
  while (!self->stopping_) {
    Result<std::unique_ptr<runtime::Stream>> stream = co_await self->listeners_[index]->accept();
    if (stream) {
      co_await self->wait_for_turn(**stream);
      self->connections_.spawn(&BrokerServer::serve_connection, self, index, std::move(*stream));
    } else if (stream.error().code() == ErrorCode::kUnavailable) {
      self->services_.environment.log.warning("cannot accept: {}", stream.error().message());
      (void)co_await runtime::sleep_until(self->services_.environment.executor, self->services_.environment.executor.now() + kPauseWithoutDescriptors);
    } else {
      co_return;
    }
  }
}

Task<void> BrokerServer::serve_connection(BrokerServer* self, size_t index, std::unique_ptr<runtime::Stream> stream) {
  const ServerOptions& options = self->services_.options;
  const std::string address = stream->peer().host;
  size_t& from_address = self->by_address_[address];
  const size_t most = std::min(self->limit("max.connections", options.max_connections), options.connections_possible);
  const size_t most_per_ip = self->limit("max.connections.per.ip", options.max_connections_per_ip);
  if (self->stopping_ || self->connections_.size() > most || from_address >= most_per_ip) {
    self->refusals_.say(self->services_.environment.executor.now(),
                        fmt::format("refused {}: {} connections are open, {} from this address", stream->peer().text(),
                                    self->connections_.size() - 1, from_address));
    if (from_address == 0) self->by_address_.erase(address);
    co_return;
  }
  ++from_address;
  {
    Connection connection(self->services_, options.listeners[index], std::move(stream), self->refusals_);
    self->open_.push_back(connection);
    co_await connection.serve();
  }
  const auto counted = self->by_address_.find(address);
  WEIR_ASSERT(counted != self->by_address_.end() && counted->second > 0);
  if (--counted->second == 0) self->by_address_.erase(counted);
}

Task<void> BrokerServer::stop(Deadline deadline) {
  stopping_ = true;
  stop_.request_stop();
  for (const auto& listener : listeners_) listener->close();
  open_.for_each([](Connection& connection) { connection.drain(); });
  const Result<void> ended = co_await connections_.join(deadline);
  if (!ended) open_.for_each([](Connection& connection) { connection.close(); });
  (void)co_await connections_.join();
}

}  // namespace weir::server
