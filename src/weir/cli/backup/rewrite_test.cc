#include "weir/cli/backup/rewrite.h"

#include <gtest/gtest.h>

#include "weir/record/builder.h"

namespace weir::cli {
namespace {

Bytes batch_of(std::initializer_list<std::pair<int32_t, const char*>> records, record::BatchOptions options = {}) {
  codec::Codecs codecs;
  record::BatchBuilder builder(options);
  for (const auto& [delta, value] : records) builder.add_at(delta, 1000 + delta, std::nullopt, as_bytes(value));
  return std::move(builder).build(codecs).value();
}

// Property: a batch goes as it is but for producer and transaction; one with missing offsets is built anew without them; each has
// its new offset as its sequence; the map says where each old offset went. Fails when an offset in a gap goes to the record
// before it, or two batches have the same sequence.
TEST(Rewrite, batches_and_offsets) {
  codec::Codecs codecs;
  OffsetMap map;
  const client::ProducerIdentity restorer{ProducerId(12), ProducerEpoch(0)};
  const Bytes dense = batch_of({{0, "a"}, {1, "b"}}, {.base_offset = Offset(100), .producer_id = ProducerId(7), .producer_epoch = ProducerEpoch(1), .base_sequence = 5, .is_transactional = true});
  const auto first = rewrite_batch(record::BatchView::parse(dense).value(), 100, 0, restorer, codecs, map).value();
  const auto sent = record::BatchView::parse(first.bytes.view()).value();
  EXPECT_TRUE(sent.crc_matches());
  EXPECT_EQ(sent.producer_id(), restorer.id);
  EXPECT_EQ(sent.producer_epoch(), restorer.epoch);
  EXPECT_EQ(sent.base_sequence(), 0);
  EXPECT_FALSE(sent.is_transactional());
  EXPECT_EQ(sent.record_count(), 2);
  EXPECT_TRUE(equal(sent.body(), record::BatchView::parse(dense).value().body()));
  const Bytes sparse = batch_of({{0, "c"}, {5, "d"}}, {.base_offset = Offset(110)});
  const auto second = rewrite_batch(record::BatchView::parse(sparse).value(), 100, 2, restorer, codecs, map).value();
  EXPECT_EQ(second.records, 2);
  const auto built = record::BatchView::parse(second.bytes.view()).value();
  EXPECT_EQ(built.last_offset_delta(), 1);
  EXPECT_EQ(built.producer_id(), restorer.id);
  EXPECT_EQ(built.base_sequence(), 2);
  // Sequences are 31 bits, offsets 63.
  OffsetMap elsewhere;
  const auto far = rewrite_batch(record::BatchView::parse(dense).value(), 100, (int64_t{1} << 31) + 7, restorer, codecs, elsewhere).value();
  EXPECT_EQ(record::BatchView::parse(far.bytes.view()).value().base_sequence(), 7);
  const Bytes cut = batch_of({{0, "e"}, {1, "f"}}, {.base_offset = Offset(120)});
  EXPECT_EQ(rewrite_batch(record::BatchView::parse(cut).value(), 121, 4, restorer, codecs, map).value().records, 1);
  EXPECT_EQ(map.to_new(50), 0);
  EXPECT_EQ(map.to_new(101), 1);
  EXPECT_EQ(map.to_new(105), 2);  // between batches: the next record
  EXPECT_EQ(map.to_new(110), 2);
  EXPECT_EQ(map.to_new(112), 3);  // in a gap inside a batch
  EXPECT_EQ(map.to_new(115), 3);
  EXPECT_EQ(map.to_new(121), 4);
  EXPECT_EQ(map.to_new(122), 5);  // the end
  EXPECT_FALSE(map.is_identity());
}

}  // namespace
}  // namespace weir::cli
