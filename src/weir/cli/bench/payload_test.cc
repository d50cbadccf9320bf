#include "weir/cli/bench/payload.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

// Property: a batch of a load is valid, has the records asked for, and its marks come back. Fails when a patched header or CRC
// does not fit the records.
TEST(BenchPayload, batches_are_valid) {
  for (const auto compression : {record::Compression::kNone, record::Compression::kLz4}) {
    Payload payload({.run = 99, .record_bytes = 100, .batch_bytes = 4096, .marks = true, .keys = 5, .compression = compression});
    ASSERT_GT(payload.records_per_batch(), 10u);
    for (const size_t count : {size_t{1}, size_t{7}, payload.records_per_batch()}) {
      std::vector<PendingRecord> pending;
      for (size_t i = 0; i < count; ++i) pending.push_back({1000 + i, MonoTime{static_cast<int64_t>(i) * 3}});
      const SharedBytes bytes = payload.batch(pending, 123456);
      const auto batch = record::BatchView::parse(bytes.view());
      ASSERT_TRUE(batch.has_value() && batch->crc_matches());
      codec::Codecs codecs;
      Bytes scratch;
      const auto records = record::read_records(*batch, codecs, 1 << 20, scratch).value();
      ASSERT_EQ(records.size(), count);
      for (size_t i = 0; i < count; ++i) {
        const auto mark = read_mark(*records[i].value);
        ASSERT_TRUE(mark && mark->run == 99 && mark->number == 1000 + i && mark->due.ns == static_cast<int64_t>(i) * 3);
        EXPECT_EQ(as_text(*records[i].key), Payload::key_text(payload.key_of(1000 + i)));
        EXPECT_EQ(records[i].timestamp, 123456);
      }
    }
  }
}

}  // namespace
}  // namespace weir::cli
