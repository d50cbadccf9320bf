// What the runtime itself costs: a task call, a step of the loop, a timer, a message between shards, an echo over loopback.
#include <benchmark/benchmark.h>

#include "weir/runtime/event.h"
#include "weir/runtime/real/process.h"

namespace weir::runtime {
namespace {

Task<int> finished() { co_return 1; }

// Runs body(env, state) on a fresh process.
template <typename Fn>
void on_process(benchmark::State& state, Fn body, size_t shards = 1) {
  RealProcess process({.shards = shards});
  process.run(
      [](Environment& env, Fn body, benchmark::State* state, RealProcess* process) -> Task<int> {
        co_await body(env, *state, *process);
        co_return 0;
      },
      body, &state, &process);
}

void task_call(benchmark::State& state) {
  on_process(state, [](Environment&, benchmark::State& state, RealProcess&) -> Task<void> {
    for ([[maybe_unused]] const auto round : state) {
      const int value = co_await finished();
      benchmark::DoNotOptimize(value);
    }
  });
}
BENCHMARK(task_call);

void schedule_and_resume(benchmark::State& state) {
  on_process(state, [](Environment& env, benchmark::State& state, RealProcess&) -> Task<void> {
    for ([[maybe_unused]] const auto round : state) co_await yield(env.executor);
  });
}
BENCHMARK(schedule_and_resume);

// One timer among 10,000 others.
void timer_arm_and_disarm(benchmark::State& state) {
  struct Nothing final : Timer {
    void on_fire() override {}
  };
  on_process(state, [](Environment& env, benchmark::State& state, RealProcess&) -> Task<void> {
    std::vector<std::unique_ptr<Nothing>> others;
    for (int i = 0; i < 10'000; ++i) {
      others.push_back(std::make_unique<Nothing>());
      env.executor.arm(*others.back(), env.executor.now() + Duration(1s) * (i % 60 + 60));
    }
    Nothing timer;
    for ([[maybe_unused]] const auto round : state) {
      env.executor.arm(timer, env.executor.now() + 90s);
      timer.disarm();
    }
    co_return;
  });
}
BENCHMARK(timer_arm_and_disarm);

void spawn_and_join(benchmark::State& state) {
  on_process(state, [](Environment& env, benchmark::State& state, RealProcess&) -> Task<void> {
    TaskGroup group(env.executor);
    for ([[maybe_unused]] const auto round : state) {
      group.spawn([]() -> Task<void> { co_return; });
      const Result<void> joined = co_await group.join();
      benchmark::DoNotOptimize(joined);
    }
  });
}
BENCHMARK(spawn_and_join);

void call_to_another_shard(benchmark::State& state) {
  on_process(
      state,
      [](Environment&, benchmark::State& state, RealProcess& process) -> Task<void> {
        for ([[maybe_unused]] const auto round : state) {
          const int value = co_await call(process.shard(0), process.shard(1), [] { return 1; });
          benchmark::DoNotOptimize(value);
        }
      },
      2);
}
BENCHMARK(call_to_another_shard)->UseRealTime();

Task<void> echo(Stream* stream) {
  Bytes buffer(256 << 10);
  for (;;) {
    const Result<size_t> count = co_await stream->read_some(buffer);
    if (!count || *count == 0) break;
    const ByteView part(buffer.data(), *count);
    const Result<void> written = co_await stream->write_all({&part, 1});
    if (!written) break;
  }
}

// Client and server on one loop: one round trip is two writes, two reads and the waits between them.
void echo_round_trip(benchmark::State& state) {
  on_process(state, [](Environment& env, benchmark::State& state, RealProcess&) -> Task<void> {
    const auto listener = co_await env.network.listen({"127.0.0.1", 0});
    const auto client = co_await env.network.connect((*listener)->local(), Deadline::never());
    const auto server = co_await (*listener)->accept();
    TaskGroup group(env.executor);
    group.spawn(echo, server->get());
    const Bytes request(static_cast<size_t>(state.range(0)));
    Bytes answer(request.size());
    const ByteView part(request);
    for ([[maybe_unused]] const auto round : state) {
      const Result<void> written = co_await (*client)->write_all({&part, 1});
      WEIR_ASSERT(written.has_value());
      for (size_t count = 0; count < answer.size();) {
        const Result<size_t> some = co_await (*client)->read_some(MutableBytes(answer).subspan(count));
        WEIR_ASSERT(some && *some > 0);
        count += *some;
      }
    }
    (*client)->close();
    const Result<void> joined = co_await group.join();
    WEIR_ASSERT(joined.has_value());
  });
}
BENCHMARK(echo_round_trip)->Arg(1 << 10)->Arg(64 << 10);

void offload_round_trip(benchmark::State& state) {
  on_process(state, [](Environment& env, benchmark::State& state, RealProcess&) -> Task<void> {
    for ([[maybe_unused]] const auto round : state) {
      const int value = co_await env.offload.run(env.executor, [] { return 1; });
      benchmark::DoNotOptimize(value);
    }
  });
}
BENCHMARK(offload_round_trip)->UseRealTime();

}  // namespace
}  // namespace weir::runtime
