// The templates of snapshot.h.
#pragma once

#include "weir/record/batches.h"

namespace weir::raft {

Result<void> for_each_batch(ByteView bytes, auto visit) {
  record::Batches batches(bytes);
  for (;;) {
    WEIR_TRY(const std::optional<record::AnyBatch> batch, batches.next());
    if (!batch) break;
    if (batch->v2() == nullptr) return fail(ErrorCode::kMalformedFile, "a batch of a format before 2");
    WEIR_CHECK(visit(*batch->v2()));
  }
  if (batches.has_truncated_tail()) return fail(ErrorCode::kMalformedFile, "it ends within a batch");
  return {};
}

template <typename Take>
Result<void> visit_snapshot(const LoadedSnapshot& snapshot, Take take) {
  return for_each_batch(snapshot.bytes, [&](const record::BatchView& batch) -> Result<void> {
    if (batch.is_control()) return {};
    Bytes scratch;
    WEIR_TRY(const std::vector<ByteView> values, read_data_batch(batch, scratch));
    return take(values);
  });
}

}  // namespace weir::raft
