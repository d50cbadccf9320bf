#include "weir/coordinator/replay.h"

#include <fmt/format.h>

namespace weir::coordinator {
namespace {

using runtime::Task;

constexpr size_t kDecompressedBytesMax = 256 << 20;  // of one batch
constexpr Duration kCommitPatience = std::chrono::seconds(30);
constexpr size_t kRecordsPerTurn = 500;  // about a millisecond

class Replay {
 public:
  Replay(const ReplayPlace& place, ReplayListener& listener) : place_(place), listener_(listener) {}

  Task<Result<void>> run() {
    runtime::Executor& executor = place_.environment.executor;
    const auto& [topic, index] = place_.partition;
    const replication::PartitionRef partition = place_.partitions.find(topic, index);
    if (!partition) co_return fail(ErrorCode::kKafkaStorageError, "its log is not here");
    at_ = partition->log_start_offset();
    const Offset end = partition->log_end_offset();
    if (at_ < end) {
      const Deadline patience = Deadline::at(executor.now() + kCommitPatience);
      WEIR_CO_CHECK(co_await partition->committed(end.prev(), place_.epoch, patience));
    }
    while (at_ < end && !listener_.is_over()) {
      const Offset before = at_;
      constexpr auto kAll = replication::Isolation::kReadUncommitted;
      WEIR_CO_TRY(const auto fetched, co_await partition->fetch(at_, kAll, place_.read_bytes, true));
      for (const SharedBytes& slice : fetched.slices) WEIR_CO_CHECK(co_await take_slice(slice));
      // Whoever went on with a part would answer that nothing was ever committed.
      if (at_ == before && !listener_.is_over()) {
        co_return fail(ErrorCode::kCorruptMessage, fmt::format("nothing can be read at {}", at_));
      }
    }
    co_return Result<void>();
  }

 private:
  Task<Result<void>> take_slice(SharedBytes slice) {
    for (ByteView rest = slice.view(); !rest.empty() && !listener_.is_over();) {
      WEIR_CO_TRY(const record::BatchView batch, record::BatchView::parse(rest));
      rest = rest.subspan(batch.size_bytes());
      // Nobody else will look: a position that a bad disk made up is worse than none.
      if (!batch.crc_matches()) {
        co_return fail(ErrorCode::kCorruptMessage, fmt::format("the checksum of the batch at {} is wrong", batch.base_offset()));
      }
      WEIR_CO_CHECK(co_await take_batch(batch));
      WEIR_ASSERT(batch.next_offset() > at_, batch.next_offset(), at_);
      at_ = batch.next_offset();
    }
    co_return Result<void>();
  }

  Task<Result<void>> take_batch(record::BatchView batch) {
    WEIR_CO_TRY(record::Records records, record::Records::open(batch, place_.codecs, kDecompressedBytesMax, scratch_));
    while (!listener_.is_over()) {
      WEIR_CO_TRY(const auto next, records.next());
      if (!next) break;
      listener_.on_record(batch, *next);
      if (++taken_ % kRecordsPerTurn != 0) continue;
      // An instant later is the next turn of the loop, and what has come meanwhile is served first.
      runtime::Executor& executor = place_.environment.executor;
      const Result<void> slept = co_await runtime::sleep_until(executor, executor.now() + Duration(1));
      WEIR_ASSERT(slept.has_value());
    }
    co_return Result<void>();
  }

  const ReplayPlace& place_;
  ReplayListener& listener_;
  Offset at_;
  Bytes scratch_;
  size_t taken_ = 0;
};

}  // namespace

Task<Result<void>> replay(ReplayPlace place, ReplayListener& listener) {
  Replay replay(place, listener);
  co_return co_await replay.run();
}

}  // namespace weir::coordinator
