// Scenario "journal": the simulator's self-test. Clients send numbered values to a journal server over an unkind network
// while it crashes, loses what it had not synced, is cut off and paused. Needs no part of the broker.
#include "journal_scenario.h"
#include "chaos.h"
#include "journal.h"

#include <cstring>

namespace weir::sim {

using runtime::Environment;
using runtime::SimNode;
using runtime::SimWorld;
using runtime::Task;

namespace {

constexpr uint16_t kPort = 7000;
constexpr uint32_t kClients = 4;
constexpr Duration kStormTime = 40s;
constexpr Duration kCalmMax = 120s;
constexpr Duration kAnswerTimeout = 3s;
constexpr Duration kThinkMean = 40ms;

struct Writer {
  uint32_t id;
  uint32_t acknowledged = 0;
  bool stop = false;
  bool stopped = false;
};

struct CloseLate final : runtime::Timer {
  explicit CloseLate(runtime::Stream& stream) : stream(stream) {}
  void on_fire() override { stream.close(); }
  runtime::Stream& stream;
};

// One request and its answer, the offset.
Task<Result<int64_t>> ask(Environment env, runtime::Stream& stream, ValueId value) {
  CloseLate late(stream);
  env.executor.arm(late, env.executor.now() + kAnswerTimeout);
  std::byte request[kJournalRequestBytes];
  std::memcpy(request, &value.writer, 4);
  std::memcpy(request + 4, &value.number, 4);
  const ByteView part(request);
  WEIR_CO_CHECK(co_await stream.write_all({&part, 1}));
  std::byte answer[kJournalAnswerBytes];
  for (size_t got = 0; got < sizeof answer;) {
    WEIR_CO_TRY(const size_t count, co_await stream.read_some(MutableBytes(answer).subspan(got)));
    if (count == 0) co_return fail(ErrorCode::kConnectionClosed);
    got += count;
  }
  int64_t offset;
  std::memcpy(&offset, answer, sizeof offset);
  co_return offset;
}

Task<void> write_values(Environment env, Writer* writer, LogHistory* history) {
  std::unique_ptr<runtime::Stream> stream;
  Prng thinking(env.random.word());
  for (uint32_t number = 1; !writer->stop; ++number) {
    const ValueId value{writer->id, number};
    history->attempted(value);
    for (;;) {
      if (stream == nullptr) {
        auto connected = co_await env.network.connect({"server", kPort}, Deadline::at(env.executor.now() + kAnswerTimeout));
        if (connected) stream = std::move(*connected);
      }
      if (stream != nullptr) {
        const Result<int64_t> offset = co_await ask(env, *stream, value);
        if (offset) {
          history->acknowledged(value, *offset);
          ++writer->acknowledged;
          break;
        }
        stream.reset();
      }
      const Result<void> slept = co_await sleep_until(env.executor, env.executor.now() + 20ms);
      WEIR_ASSERT(slept.has_value());
    }
    const Duration pause = runtime::sample_delay(thinking, 0ns, kThinkMean);
    const Result<void> slept = co_await sleep_until(env.executor, env.executor.now() + pause);
    WEIR_ASSERT(slept.has_value());
  }
  writer->stopped = true;
}

// The whole journal as a restart after a last power cut finds it.
Task<Result<std::vector<Placed>>> read_journal(Environment env) {
  Journal journal(env, {});
  WEIR_CO_CHECK(co_await journal.open());
  std::vector<Placed> all;
  for (const ValueId& value : journal.entries()) all.push_back({static_cast<int64_t>(all.size()), value});
  co_return all;
}

Task<void> give_up_when(Environment env, runtime::Event* failed, Chaos* chaos) {
  const Result<void> woken = co_await failed->wait(env.executor);
  WEIR_ASSERT(woken.has_value());
  chaos->exited(true);
}

}  // namespace

RunReport run_journal(const RunRequest& request) {
  SimWorld world(request.seed, draw_options(request.seed, request.sink != nullptr));
  world.trace_to(request.sink);
  const JournalBugs bugs{request.planted == "ack_before_sync", request.planted == "no_directory_sync"};
  SimNode& server = world.add_node("server");
  LogHistory history("journal");
  std::vector<SimNode*> clients;
  std::vector<std::unique_ptr<Writer>> writers;
  std::unique_ptr<runtime::Event> failed;
  std::unique_ptr<Chaos> chaos;
  const auto boot = [&] {
    failed = std::make_unique<runtime::Event>();
    server.spawn(&serve_journal, server.environment(), kPort, bugs, failed.get());
    server.spawn(&give_up_when, server.environment(), failed.get(), chaos.get());
  };
  for (uint32_t i = 0; i < kClients; ++i) {
    clients.push_back(&world.add_node(fmt::format("client-{}", i)));
    writers.push_back(std::make_unique<Writer>(Writer{i + 1}));
  }
  chaos = std::make_unique<Chaos>(world, server, clients, ChaosPlan{}, boot);
  boot();
  for (uint32_t i = 0; i < kClients; ++i) {
    clients[i]->spawn(&write_values, clients[i]->environment(), writers[i].get(), &history);
  }
  const auto finish = [&](std::optional<Violation> violation) {
    return report_on(world, std::move(violation), history.acknowledged_count());
  };

  world.run_until_true([&] { return history.violation().has_value(); }, kStormTime);
  if (history.violation()) return finish(history.violation());

  // Calm: everything asked must be answered, then nothing acknowledged may be missing.
  chaos->stop();
  for (const auto& writer : writers) writer->stop = true;
  const bool answered = world.run_until_true(
      [&] {
        for (const auto& writer : writers) {
          if (!writer->stopped) return false;
        }
        return true;
      },
      kCalmMax);
  if (history.violation()) return finish(history.violation());
  if (!answered) return finish(Violation{"liveness", "a request is not answered two minutes after the last accident"});
  world.power_cycle(server, runtime::LoseUnsynced::kAll);
  const auto left = world.try_run(server, read_journal(server.environment()));
  if (!left || !*left) return finish(Violation{"recovery", left ? left->error().describe() : "does not end"});
  history.final_read(0, **left);
  if (chaos->crashes() > 0 && history.acknowledged_count() > 0) world.reached("journal: acknowledged across a crash");
  return finish(history.violation());
}

}  // namespace weir::sim
