// What an append and a read cost, on real files: time, allocations and copies.
//   weir_storage_bench --benchmark_counters_tabular=true
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <new>

#include <unistd.h>

#include "weir/runtime/real/process.h"
#include "weir/storage/testing/log_kit.h"

namespace {
size_t allocations = 0;
}

void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace weir::storage {
namespace {

using namespace testing;
using runtime::Task;

struct Shape {
  size_t value_bytes;
  int per_turn;
  bool flush;
};

// Appends `per_turn` batches, waits until they are written (or durable), again and again.
Task<int> append_loop(runtime::Environment& env, benchmark::State* state, Shape shape, std::string dir) {
  FileCache files(env.disk, 64);
  TailCache tail_cache(64 << 20);
  LogDirectory directory(env.executor, dir, env.log);
  auto log = co_await Log::open({env, directory, files, tail_cache}, dir + "/bench-0", {.segment_bytes = 256 << 20, .flush_on_ack = shape.flush}, {});
  const SharedBytes source = make_batch({.value_bytes = shape.value_bytes});
  const AppendInfo info = client(1, env.clock.wall_ms());
  std::vector<SharedBytes> batches;
  size_t counted = 0;
  int64_t rounds = 0;
  for ([[maybe_unused]] const auto round : *state) {
    // As from a connection: a buffer of its own for every batch, filled before the clock of the log begins.
    batches.clear();
    for (int i = 0; i < shape.per_turn; ++i) batches.push_back(SharedBytes::copy_of(source));
    const size_t before = allocations;
    for (SharedBytes& batch : batches) {
      if (!(*log)->append(std::move(batch), info)) std::abort();
    }
    const Offset end = (*log)->end_offset();
    const Result<void> done = shape.flush ? co_await (*log)->durable(end, Deadline::never()) : co_await (*log)->written(end, Deadline::never());
    if (!done) std::abort();
    counted += allocations - before;
    ++rounds;
  }
  state->SetBytesProcessed(rounds * shape.per_turn * static_cast<int64_t>(source.size()));
  state->SetItemsProcessed(rounds * shape.per_turn);
  state->counters["allocations/batch"] = static_cast<double>(counted) / static_cast<double>(rounds * shape.per_turn);
  const auto closed = co_await (*log)->close();
  co_return closed ? 0 : 1;
}

// Reads 1 MiB at a time, from the tail cache or from files that lie in the page cache.
Task<int> read_loop(runtime::Environment& env, benchmark::State* state, bool cached, std::string dir) {
  FileCache files(env.disk, 64);
  TailCache tail_cache(cached ? 64 << 20 : 1);
  LogDirectory directory(env.executor, dir, env.log);
  auto log = co_await Log::open({env, directory, files, tail_cache}, dir + "/bench-0", {}, {});
  const SharedBytes source = make_batch({.value_bytes = 16 << 10});
  for (int i = 0; i < 2048; ++i) {
    if (!(*log)->append(SharedBytes::copy_of(source), client(1))) std::abort();
  }
  const Offset end = (*log)->end_offset();
  const auto written = co_await (*log)->written(end, Deadline::never());
  if (!written) std::abort();
  int64_t bytes = 0;
  Offset at{0};
  for ([[maybe_unused]] const auto round : *state) {
    const Result<ReadResult> read = co_await (*log)->read(at, end, 1 << 20, true);
    if (!read) std::abort();
    bytes += static_cast<int64_t>(read->bytes);
    at = read->next_offset < end ? read->next_offset : Offset(0);
  }
  state->SetBytesProcessed(bytes);
  const auto closed = co_await (*log)->close();
  co_return closed ? 0 : 1;
}

template <typename Body, typename... Args>
void on_directory(benchmark::State& state, Body body, Args... args) {
  const std::string dir = (std::filesystem::temp_directory_path() / ("weir-bench-" + std::to_string(::getpid()))).string();
  {
    runtime::RealProcess process({.log_level = LogLevel::kError});
    process.run(body, &state, args..., dir);
  }
  std::filesystem::remove_all(dir);
}

void append_16k(benchmark::State& state) { on_directory(state, &append_loop, Shape{16 << 10, static_cast<int>(state.range(0)), false}); }
BENCHMARK(append_16k)->Arg(1)->Arg(16)->Iterations(2000)->UseRealTime();
void append_100_bytes(benchmark::State& state) { on_directory(state, &append_loop, Shape{100, static_cast<int>(state.range(0)), false}); }
BENCHMARK(append_100_bytes)->Arg(1)->Arg(64)->Iterations(5000)->UseRealTime();
void append_16k_durable(benchmark::State& state) { on_directory(state, &append_loop, Shape{16 << 10, static_cast<int>(state.range(0)), true}); }
BENCHMARK(append_16k_durable)->Arg(1)->Arg(16)->Iterations(200)->UseRealTime();
void read_from_tail(benchmark::State& state) { on_directory(state, &read_loop, true); }
BENCHMARK(read_from_tail)->UseRealTime()->MinTime(0.2);
void read_from_files(benchmark::State& state) { on_directory(state, &read_loop, false); }
BENCHMARK(read_from_files)->UseRealTime()->MinTime(0.2);

}  // namespace
}  // namespace weir::storage
