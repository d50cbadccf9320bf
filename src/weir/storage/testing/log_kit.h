// For tests of storage: a directory with its services on a simulated node, and small batches.
#pragma once

#include <string>
#include <vector>

#include "weir/record/batches.h"
#include "weir/record/builder.h"
#include "weir/record/control.h"
#include "weir/runtime/sim/world.h"
#include "weir/storage/file_cache.h"
#include "weir/storage/log.h"
#include "weir/storage/log_directory.h"
#include "weir/storage/tail_cache.h"

namespace weir::storage::testing {

inline constexpr std::string_view kLogPath = "/data/orders-0";

// Lives in the coroutine under test, before its logs.
struct LogKit {
  explicit LogKit(runtime::Environment& environment, size_t tail_cache_bytes = 1 << 20)
      : environment(environment), files(environment.disk, 64), tail_cache(tail_cache_bytes),
        directory(environment.executor, "/data", environment.log) {}
  ~LogKit() { directory.flushes().abort(); }

  LogServices services() { return {environment, directory, files, tail_cache, range_bytes_min}; }
  runtime::Task<Result<std::unique_ptr<Log>>> open(LogOptions options = {}, LogRecovery recovery = {}) {
    return Log::open(services(), std::string(kLogPath), options, recovery);
  }

  runtime::Environment& environment;
  size_t range_bytes_min = kRangeBytesMin;
  FileCache files;
  TailCache tail_cache;
  LogDirectory directory;
};

struct BatchSpec {
  int records = 1;
  size_t value_bytes = 10;
  TimestampMs timestamp = 1'764'000'000'000;   // of the first record; one more each
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  int32_t base_sequence = -1;
  bool is_transactional = false;
  uint8_t fill = 'v';
};

inline SharedBytes make_batch(const BatchSpec& spec) {
  record::BatchOptions options;
  options.producer_id = spec.producer_id;
  options.producer_epoch = spec.producer_epoch;
  options.base_sequence = spec.base_sequence;
  options.is_transactional = spec.is_transactional;
  record::BatchBuilder builder(options);
  const Bytes value(spec.value_bytes, static_cast<std::byte>(spec.fill));
  for (int i = 0; i < spec.records; ++i) builder.add(spec.timestamp + i, std::nullopt, value);
  codec::Codecs codecs;
  return SharedBytes::copy_of(*std::move(builder).build(codecs));
}

inline SharedBytes make_marker(record::ControlType type, ProducerId id, ProducerEpoch epoch, int32_t coordinator_epoch = 0) {
  codec::Codecs codecs;
  return SharedBytes::copy_of(*record::build_marker_batch({type, id, epoch, {coordinator_epoch}, 1'764'000'000'000}, codecs));
}

inline AppendInfo client(int32_t epoch = 0, TimestampMs now = 1'764'000'000'000) { return {LeaderEpoch(epoch), now, AppendOrigin::kClient}; }
inline AppendInfo coordinator(int32_t epoch = 0, TimestampMs now = 1'764'000'000'000) {
  return {LeaderEpoch(epoch), now, AppendOrigin::kCoordinator};
}

inline Bytes joined(const ReadResult& read) {
  Bytes all;
  for (const SharedBytes& slice : read.slices) all.insert(all.end(), slice.view().begin(), slice.view().end());
  return all;
}

// (base offset, last offset) of the batches of a read.
inline std::vector<std::pair<int64_t, int64_t>> spans(const ReadResult& read) {
  std::vector<std::pair<int64_t, int64_t>> found;
  const Bytes all = joined(read);
  record::Batches batches(all);
  for (;;) {
    const auto batch = batches.next();
    if (!batch || !*batch) break;
    if (const record::BatchView* v2 = (*batch)->v2()) found.emplace_back(v2->base_offset().value(), v2->last_offset().value());
  }
  return found;
}

}  // namespace weir::storage::testing
