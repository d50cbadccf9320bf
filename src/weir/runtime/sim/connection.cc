#include "weir/runtime/sim/connection.h"

#include <algorithm>

#include "weir/runtime/sim/switch.h"

namespace weir::runtime {

namespace {
constexpr Duration kRetransmitFirst = 200ms;
constexpr unsigned kRetransmitDoublingsMax = 6;
constexpr Duration kSilenceMax = 30s;
constexpr size_t kKeptArrivedBytes = 64 << 10;  // read bytes are dropped from the front beyond this
}  // namespace

SimConnection::SimConnection(SimSwitch& net, uint64_t id, Place dialer, Place acceptor)
    : net_(net),
      id_(id),
      ends_{{std::move(dialer)}, {std::move(acceptor)}},
      window_(0),
      cuts_(0),
      delays_(0),
      losses_(0),
      resets_(0),
      clogs_(0) {
  const std::string who = fmt::format("connection {}", id);
  cuts_ = net.core().stream(who, "cut");
  delays_ = net.core().stream(who, "delay");
  losses_ = net.core().stream(who, "loss");
  resets_ = net.core().stream(who, "reset");
  clogs_ = net.core().stream(who, "clog");
  window_ = static_cast<size_t>(
      cuts_.between(static_cast<int64_t>(net.options().window_bytes_min), static_cast<int64_t>(net.options().window_bytes_max)));
  for (int side : {kDialer, kAcceptor}) {
    pipes_[side].owner = this;
    pipes_[side].from = side;
  }
}

SimConnection::~SimConnection() { net_.forget(*this); }

bool SimConnection::touches(int32_t node) const {
  return ends_[0].place.executor->node() == node || ends_[1].place.executor->node() == node;
}

Task<Result<size_t>> SimConnection::read_some(std::shared_ptr<SimConnection> self, int side, MutableBytes into) {
  Pipe& pipe = self->pipes_[1 - side];
  End& end = self->ends_[side];
  for (;;) {
    if (end.closed) co_return fail(ErrorCode::kConnectionClosed);
    size_t count = std::min(into.size(), pipe.arrived.size() - pipe.taken);
    if (count > 0) {
      if (count > 1 && self->cuts_.chance(self->net_.options().split_percent)) count = 1 + self->cuts_.below(count);
      std::copy_n(pipe.arrived.begin() + static_cast<ptrdiff_t>(pipe.taken), count, into.begin());
      pipe.taken += count;
      if (pipe.taken == pipe.arrived.size() || pipe.taken > kKeptArrivedBytes) {
        pipe.arrived.erase(pipe.arrived.begin(), pipe.arrived.begin() + static_cast<ptrdiff_t>(pipe.taken));
        pipe.taken = 0;
      }
      pipe.writers.notify_all();
      co_return count;
    }
    if (end.broken) co_return fail(ErrorCode::kConnectionClosed, "reset by the peer");
    if (pipe.ended) co_return size_t{0};
    const Result<void> woken = co_await pipe.readers.wait(self->executor(side));
    WEIR_ASSERT(woken.has_value());
  }
}

Task<Result<void>> SimConnection::readable(std::shared_ptr<SimConnection> self, int side) {
  Pipe& pipe = self->pipes_[1 - side];
  const End& end = self->ends_[side];
  while (!end.closed && !end.broken && !pipe.ended && pipe.arrived.size() == pipe.taken) {
    const Result<void> woken = co_await pipe.readers.wait(self->executor(side));
    WEIR_ASSERT(woken.has_value());
  }
  if (end.closed) co_return fail(ErrorCode::kConnectionClosed);
  co_return Result<void>();
}

Task<Result<void>> SimConnection::write_all(std::shared_ptr<SimConnection> self, int side, std::span<const ByteView> parts) {
  Pipe& pipe = self->pipes_[side];
  End& end = self->ends_[side];
  for (ByteView part : parts) {
    while (!part.empty()) {
      if (end.closed) co_return fail(ErrorCode::kConnectionClosed);
      if (end.broken) co_return fail(ErrorCode::kConnectionClosed, "reset by the peer");
      const size_t room = pipe.held() >= self->window_ ? 0 : self->window_ - pipe.held();
      if (room == 0) {
        self->net_.core().reached("network: a writer waited for a slow reader");
        const Result<void> woken = co_await pipe.writers.wait(self->executor(side));
        WEIR_ASSERT(woken.has_value());
        continue;
      }
      size_t count = std::min({part.size(), room, self->net_.options().segment_bytes_max});
      if (count > 1 && self->cuts_.chance(self->net_.options().split_percent)) count = 1 + self->cuts_.below(count);
      self->send(pipe, part.first(count));
      part = part.subspan(count);
    }
  }
  if (end.closed || end.broken) co_return fail(ErrorCode::kConnectionClosed);
  co_return Result<void>();
}

void SimConnection::send(Pipe& pipe, ByteView bytes) {
  const SimNetworkOptions& options = net_.options();
  const int32_t from = executor(pipe.from).node();
  const int32_t to = executor(1 - pipe.from).node();
  if (from != to) {
    if (chance_ppm(resets_, options.reset_ppm)) {
      net_.core().reached("network: a connection broke between or inside frames");
      return break_now();
    }
    if (chance_ppm(clogs_, options.clog_ppm)) {
      net_.clog(from, to, Duration(clogs_.between(1, options.clog_max.count())));
    }
  }
  Duration delay = net_.latency(from, to, delays_);
  if (from != to && chance_ppm(losses_, options.loss_ppm)) {
    delay += kRetransmitFirst * (1 << losses_.below(kRetransmitDoublingsMax));
  }
  MonoTime arrival = net_.core().now + delay;
  if (!pipe.flying.empty()) arrival = std::max(arrival, pipe.flying.back().arrival);
  pipe.flying_bytes += bytes.size();
  if (!pipe.flying.empty() && pipe.flying.back().arrival == arrival && pipe.flying.back().kind == Chunk::kBytes) {
    Bytes& last = pipe.flying.back().bytes;
    last.insert(last.end(), bytes.begin(), bytes.end());
    return;
  }
  pipe.flying.push_back({arrival, Chunk::kBytes, Bytes(bytes.begin(), bytes.end())});
  pipe.plan();
}

void SimConnection::send_mark(Pipe& pipe, Chunk::Kind kind, Duration extra) {
  if (!pipe.flying.empty() && pipe.flying.back().kind == Chunk::kReset) return;  // one says it all
  MonoTime arrival = net_.core().now + extra + net_.latency(executor(pipe.from).node(), executor(1 - pipe.from).node(), delays_);
  if (!pipe.flying.empty()) arrival = std::max(arrival, pipe.flying.back().arrival);
  pipe.flying.push_back({arrival, kind, {}});
  pipe.plan();
}

void SimConnection::Pipe::plan() {
  if (!is_planned() && !flying.empty())
    owner->net_.core().agenda.plan(*this, std::max(flying.front().arrival, owner->net_.core().now));
}

void SimConnection::Pipe::happen() { owner->deliver(*this); }

void SimConnection::deliver(Pipe& pipe) {
  SimCore& core = net_.core();
  const int to = 1 - pipe.from;
  const int32_t to_node = executor(to).node();
  if (net_.is_cut(executor(pipe.from).node(), to_node)) {
    const Duration backoff = kRetransmitFirst * (1 << std::min(pipe.retries++, kRetransmitDoublingsMax));
    return core.plan_in(pipe, backoff);
  }
  pipe.retries = 0;
  Chunk chunk = std::move(pipe.flying.front());
  pipe.flying.pop_front();
  pipe.flying_bytes -= chunk.bytes.size();
  switch (chunk.kind) {
    case Chunk::kBytes:
      core.note(SimEvent::kDeliver, to_node, static_cast<int64_t>(id_), static_cast<int64_t>(chunk.bytes.size()));
      if (ends_[to].closed) {
        send_mark(pipes_[to], Chunk::kReset);  // nobody is there to read it
      } else if (!ends_[to].broken) {
        pipe.arrived.insert(pipe.arrived.end(), chunk.bytes.begin(), chunk.bytes.end());
        pipe.readers.notify_all();
      }
      break;
    case Chunk::kEnd:
      core.note(SimEvent::kEnd, to_node, static_cast<int64_t>(id_));
      pipe.ended = true;
      pipe.readers.notify_all();
      break;
    case Chunk::kReset: hear_reset(to); break;
  }
  pipe.plan();
}

void SimConnection::hear_reset(int side) {
  if (ends_[side].broken || ends_[side].closed) return;
  net_.core().note(SimEvent::kReset, executor(side).node(), static_cast<int64_t>(id_));
  ends_[side].broken = true;
  if (net_.fates().chance(50)) {  // what had arrived may be lost with it
    pipes_[1 - side].arrived.clear();
    pipes_[1 - side].taken = 0;
  }
  wake(side);
}

void SimConnection::wake(int side) {
  pipes_[1 - side].readers.notify_all();
  pipes_[side].writers.notify_all();
}

void SimConnection::close(int side) {
  if (ends_[side].closed) return;
  ends_[side].closed = true;
  Pipe& incoming = pipes_[1 - side];
  const bool unread = incoming.arrived.size() > incoming.taken;
  incoming.arrived.clear();
  incoming.taken = 0;
  wake(side);
  incoming.writers.notify_all();
  if (!ends_[side].broken) send_mark(pipes_[side], unread ? Chunk::kReset : Chunk::kEnd);
}

void SimConnection::crash(int side, bool silent) {
  if (ends_[side].closed) return;
  ends_[side].closed = true;
  Pipe& incoming = pipes_[1 - side];
  incoming.cancel();
  incoming.flying.clear();
  incoming.flying_bytes = 0;
  incoming.arrived.clear();
  incoming.taken = 0;
  incoming.writers.notify_all();
  Pipe& outgoing = pipes_[side];
  if (silent || net_.fates().chance(50)) {  // what was on its way is lost, or arrives
    outgoing.cancel();
    outgoing.flying.clear();
    outgoing.flying_bytes = 0;
  }
  const Duration silence = silent ? Duration(net_.fates().between(0, Duration(kSilenceMax).count())) : 0ns;
  if (!ends_[side].broken) send_mark(outgoing, Chunk::kReset, silence);
}

void SimConnection::break_now() {
  for (Pipe& pipe : pipes_) {
    pipe.cancel();
    pipe.flying.clear();
    pipe.flying_bytes = 0;
  }
  hear_reset(kDialer);
  hear_reset(kAcceptor);
}

}  // namespace weir::runtime
