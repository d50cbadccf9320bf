// What a batch costs: header and CRC as on the produce path, the validation around them, reading and building records.

#include <benchmark/benchmark.h>

#include <string>

#include "weir/record/builder.h"
#include "weir/record/record.h"
#include "weir/record/validate.h"

namespace weir::record {
namespace {

constexpr TimestampMs kNow = 1'700'000'000'000;

Bytes batch_of_bytes(size_t batch_bytes, size_t value_bytes, Compression compression = Compression::kNone) {
  codec::Codecs codecs;
  std::string value;
  while (value.size() < value_bytes) value += "{\"user\": 4711, \"page\": \"/cart\"} ";
  value.resize(value_bytes);
  BatchBuilder builder({.compression = compression});
  while (builder.size_bytes() < batch_bytes) builder.add(kNow, as_bytes("key-0001"), as_bytes(value));
  return *std::move(builder).build(codecs);
}

void parse_and_crc(benchmark::State& state) {
  const Bytes bytes = batch_of_bytes(static_cast<size_t>(state.range(0)), 100);
  for (auto _ : state) {
    const BatchView batch = *BatchView::parse(bytes);
    benchmark::DoNotOptimize(batch.crc_matches());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(parse_and_crc)->Arg(300)->Arg(16 * 1024)->Arg(128 * 1024);

void validate_usual(benchmark::State& state) {
  const SharedBytes bytes =
      SharedBytes::copy_of(batch_of_bytes(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1))));
  codec::Codecs codecs;
  Bytes scratch;
  for (auto _ : state) benchmark::DoNotOptimize(validate(bytes, {}, kNow, codecs, scratch));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(validate_usual)->Args({300, 100})->Args({16 * 1024, 100})->Args({16 * 1024, 1024})->Args({128 * 1024, 1024});

void validate_recompressing(benchmark::State& state) {
  const SharedBytes bytes = SharedBytes::copy_of(batch_of_bytes(16 * 1024, 100));
  codec::Codecs codecs;
  Bytes scratch;
  const auto compression = static_cast<Compression>(state.range(0));
  const ValidationRules rules{.compression = compression, .compression_level = codec::default_level(compression)};
  for (auto _ : state) benchmark::DoNotOptimize(validate(bytes, rules, kNow, codecs, scratch));
  state.SetLabel(std::string(codec::name_of(compression)));
}
BENCHMARK(validate_recompressing)->DenseRange(1, 4);

void read_per_record(benchmark::State& state) {
  const Bytes bytes = batch_of_bytes(16 * 1024, 100);
  const BatchView batch = *BatchView::parse(bytes);
  codec::Codecs codecs;
  Bytes scratch;
  for (auto _ : state) {
    Records records = *Records::open(batch, codecs, 1 << 20, scratch);
    while (const std::optional<Record> record = *records.next()) benchmark::DoNotOptimize(record->offset);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * batch.record_count());
}
BENCHMARK(read_per_record);

void build_per_record(benchmark::State& state) {
  const std::string value(100, 'v');
  codec::Codecs codecs;
  int64_t built = 0;
  for (auto _ : state) {
    BatchBuilder builder({}, 16 * 1024);
    while (builder.size_bytes() < 16 * 1024 - 150) builder.add(kNow, as_bytes("key-0001"), as_bytes(value));
    built += builder.record_count();
    benchmark::DoNotOptimize(std::move(builder).build(codecs));
  }
  state.SetItemsProcessed(built);
}
BENCHMARK(build_per_record);

}  // namespace
}  // namespace weir::record
