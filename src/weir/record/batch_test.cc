#include "weir/record/batch.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/record/batches.h"
#include "weir/record/builder.h"
#include "weir/record/control.h"
#include "weir/record/sequence.h"
#include "weir/record/test_vectors.h"

namespace weir::record {
namespace {

// docs/formats/record-batch.md, "A worked example": ("k", "v") at offset 7, leader epoch 3. Its CRC was worked out by a
// bitwise CRC-32C that shares no code with ours.
constexpr std::string_view kWorked =
    "0000000000000007"
    "0000003a"
    "00000003"
    "02"
    "e99b8dd8"
    "0000"
    "00000000"
    "0000018bcfe56800"
    "0000018bcfe56800"
    "ffffffffffffffff"
    "ffff"
    "ffffffff"
    "00000001"
    "10"
    "00"
    "00"
    "00"
    "02"
    "6b"
    "02"
    "76"
    "00";

Bytes small_batch() {
  codec::Codecs codecs;
  BatchBuilder builder({.base_offset = Offset(100),
                        .leader_epoch = LeaderEpoch(3),
                        .producer_id = ProducerId(9),
                        .producer_epoch = ProducerEpoch(1),
                        .base_sequence = 40});
  builder.add(1'000, as_bytes("key"), as_bytes("value"));
  builder.add(1'001, std::nullopt, std::nullopt);
  return *std::move(builder).build(codecs);
}

// Property: the builder writes the worked example byte for byte, and the view reads each of its fields.
// Fails when any field moves, or the CRC covers another range.
TEST(Batch, worked_example) {
  codec::Codecs codecs;
  BatchBuilder builder({.base_offset = Offset(7), .leader_epoch = LeaderEpoch(3)});
  builder.add(1'700'000'000'000, as_bytes("k"), as_bytes("v"));
  const Bytes built = *std::move(builder).build(codecs);
  const Bytes golden = from_hex(kWorked);
  ASSERT_TRUE(equal(built, golden));

  const BatchView batch = *BatchView::parse(golden);
  EXPECT_TRUE(batch.crc_matches());
  EXPECT_EQ(batch.base_offset(), Offset(7));
  EXPECT_EQ(batch.next_offset(), Offset(8));
  EXPECT_EQ(batch.leader_epoch(), LeaderEpoch(3));
  EXPECT_EQ(batch.base_timestamp(), 1'700'000'000'000);
  EXPECT_EQ(batch.max_timestamp(), 1'700'000'000'000);
  EXPECT_FALSE(batch.has_producer_id());
  EXPECT_EQ(batch.producer_epoch(), kNoProducerEpoch);
  EXPECT_EQ(batch.last_sequence(), -1);
  EXPECT_EQ(batch.record_count(), 1);
  EXPECT_EQ(batch.size_bytes(), golden.size());
  EXPECT_EQ(batch.compression(), Compression::kNone);
  EXPECT_FALSE(batch.is_transactional() || batch.is_control() || batch.has_delete_horizon());
}

// Property: every single-bit flip is seen by parse() or by the CRC, but for flips in the two fields that the broker rewrites
// and the CRC leaves out: base offset (bytes 0-7) and leader epoch (12-15). Those yield the changed number and nothing else.
TEST(Batch, every_bit_flip_is_seen) {
  const Bytes good = small_batch();
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    const Result<BatchView> batch = BatchView::parse(bad);
    const bool seen = !batch || !batch->crc_matches();
    const bool outside = bit / 8 < 8 || (bit / 8 >= 12 && bit / 8 < 16);
    EXPECT_TRUE(seen || outside) << "bit " << bit;
    if (!seen) EXPECT_TRUE(equal(batch->bytes().subspan(16), ByteView(good).subspan(16))) << "bit " << bit;
  }
}

// Property: a batch cut anywhere does not parse, and a run of batches cut anywhere yields the whole ones and says so.
TEST(Batch, truncation_is_seen) {
  const Bytes one = small_batch();
  Bytes two = one;
  two.insert(two.end(), one.begin(), one.end());
  for (size_t size = 0; size <= two.size(); ++size) {
    const Bytes cut(two.begin(), two.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(BatchView::parse(cut).has_value(), size >= one.size()) << size;
    Batches batches(cut);
    size_t seen = 0;
    for (;;) {
      const Result<std::optional<AnyBatch>> next = batches.next();
      ASSERT_TRUE(next) << size << ": " << next.error().describe();
      if (!*next) break;
      ++seen;
    }
    EXPECT_EQ(seen, size / one.size());
    EXPECT_EQ(batches.position(), seen * one.size());
    EXPECT_EQ(batches.has_truncated_tail(), size % one.size() != 0);
  }
}

// Property: headers that would overflow or mislead arithmetic do not parse.
TEST(Batch, impossible_headers_are_refused) {
  const auto with = [](size_t at, auto value) {
    Bytes bytes = small_batch();
    store_be(bytes.data() + at, value);
    return BatchView::parse(bytes).has_value();
  };
  EXPECT_FALSE(with(0, int64_t{-1}));
  EXPECT_FALSE(with(0, INT64_MAX));
  EXPECT_TRUE(with(0, INT64_MAX - 2));
  EXPECT_FALSE(with(8, int32_t{48}));
  EXPECT_FALSE(with(8, int32_t{-1}));
  EXPECT_FALSE(with(8, INT32_MAX));
  EXPECT_FALSE(with(16, int8_t{1}));
  EXPECT_FALSE(with(16, int8_t{3}));
  EXPECT_FALSE(with(21, int16_t{5}));
  EXPECT_FALSE(with(23, int32_t{-1}));
  EXPECT_FALSE(with(57, int32_t{-1}));
  EXPECT_FALSE(with(57, int32_t{3}));
  EXPECT_FALSE(with(57, INT32_MAX));
}

// Property: base offset and leader epoch change without touching the CRC; LogAppendTime changes its bit, the max timestamp
// and the CRC, and is undone by set_create_time to the very same bytes.
TEST(Batch, in_place_changes) {
  Bytes bytes = small_batch();
  const Bytes before = bytes;
  set_base_offset(bytes, Offset(5'000'000'000));
  set_leader_epoch(bytes, LeaderEpoch(77));
  const BatchView batch = *BatchView::parse(bytes);
  EXPECT_TRUE(batch.crc_matches());
  EXPECT_EQ(batch.last_offset(), Offset(5'000'000'001));
  EXPECT_EQ(batch.leader_epoch(), LeaderEpoch(77));

  set_log_append_time(bytes, 123'456);
  EXPECT_TRUE(batch.crc_matches());
  EXPECT_EQ(batch.timestamp_type(), TimestampType::kLogAppendTime);
  EXPECT_EQ(batch.max_timestamp(), 123'456);
  EXPECT_EQ(batch.base_timestamp(), 1'000);

  set_create_time(bytes, 1'001);
  EXPECT_TRUE(equal(ByteView(bytes).subspan(16), ByteView(before).subspan(16)));
}

// Property: sequences go on at 0 behind the largest, both ways, and 0 comes after none. Fails when one of them is negative.
TEST(Sequence, wraps) {
  constexpr int32_t kLargest = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(sequence_after(-1, 1), 0);
  EXPECT_EQ(sequence_after(kLargest, 1), 0);
  EXPECT_EQ(sequence_after(kLargest - 1, 3), 1);
  EXPECT_EQ(sequence_after(0, (int64_t{7} << 31) + 5), 5);
  for (const int32_t sequence : {0, 5, kLargest}) {
    for (const int32_t records : {0, 1, 6, kLargest}) EXPECT_EQ(sequence_before(sequence_after(sequence, records), records), sequence);
  }
}

// Property: sequences wrap from 2^31 - 1 to 0.
TEST(Batch, last_sequence_wraps) {
  Bytes bytes = small_batch();
  EXPECT_EQ(BatchView::parse(bytes)->last_sequence(), 41);
  store_be(bytes.data() + 53, INT32_MAX);
  EXPECT_EQ(BatchView::parse(bytes)->last_sequence(), 0);
}

// Property: a run may mix magics, and an error leaves the position at the batch that is wrong.
TEST(Batches, mixed_magics_and_errors) {
  Bytes run = from_hex(kLegacyV0None);
  const size_t legacy_bytes = run.size();
  for (const Bytes& more : {from_hex(kLegacyV1Lz4), from_hex(kWorked)}) run.insert(run.end(), more.begin(), more.end());
  const size_t good = run.size();
  Bytes bad = from_hex(kWorked);
  bad[16] = std::byte{9};
  run.insert(run.end(), bad.begin(), bad.end());

  Batches batches(run);
  std::vector<int> magics;
  for (;;) {
    const Result<std::optional<AnyBatch>> next = batches.next();
    if (!next) {
      EXPECT_EQ(next.error().code(), ErrorCode::kCorruptMessage);
      break;
    }
    ASSERT_TRUE(*next);
    EXPECT_TRUE((*next)->crc_matches());
    magics.push_back((*next)->magic());
  }
  EXPECT_THAT(magics, testing::ElementsAre(0, 0, 0, 1, 2));
  EXPECT_EQ(batches.position(), good);
  EXPECT_FALSE(batches.next());
  EXPECT_GT(good, legacy_bytes);
}

// Property: a batch of any magic is stepped over by its first bytes: its length, its last offset, and in magic 2 its first; too few
// bytes are no answer, and 61 are always enough.
TEST(Batches, spans_by_first_bytes) {
  for (const std::string_view hex : {kWorked, kLegacyV0None, kLegacyV0Gzip, kLegacyV1Lz4}) {
    const Bytes bytes = from_hex(hex);
    Batches batches(bytes);
    const std::optional<AnyBatch> whole = *batches.next();
    ASSERT_TRUE(whole);
    const size_t needed = whole->magic() == kMagicV2 ? kHeaderBytes : kMagicAt + 1;
    for (size_t size = 0; size <= std::min(bytes.size(), kHeaderBytes); ++size) {
      const Result<std::optional<BatchSpan>> span = peek_span(ByteView(bytes).first(size));
      ASSERT_TRUE(span);
      ASSERT_EQ(span->has_value(), size >= needed) << size;
      if (!*span) continue;
      EXPECT_EQ((*span)->bytes, whole->size_bytes());
      EXPECT_EQ((*span)->last_offset, whole->last_offset());
      EXPECT_EQ((*span)->first_offset, whole->v2() != nullptr ? std::optional(whole->first_offset()) : std::nullopt);
    }
  }
}

// Property: the batch that ends a transaction has the bytes Kafka's format asks for.
TEST(Control, marker_batch) {
  codec::Codecs codecs;
  const Bytes bytes = *build_marker_batch({.type = ControlType::kCommit,
                                           .producer_id = ProducerId(5),
                                           .producer_epoch = ProducerEpoch(1),
                                           .marker = {9},
                                           .timestamp = 1'000},
                                          codecs);
  const BatchView batch = *BatchView::parse(bytes);
  EXPECT_EQ(batch.attributes(), 0x30);
  EXPECT_EQ(batch.base_sequence(), -1);
  EXPECT_TRUE(equal(batch.body(), from_hex("20"
                                           "00"
                                           "00"
                                           "00"
                                           "08"
                                           "00000001"
                                           "0c"
                                           "000000000009"
                                           "00")));
  Bytes scratch;
  const std::vector<Record> records = *read_records(batch, codecs, 100, scratch);
  EXPECT_EQ(*parse_control_key(*records.at(0).key), ControlType::kCommit);
  EXPECT_EQ(*parse_end_txn_marker(*records.at(0).value), EndTxnMarker{9});
  const std::optional<Marker> marker = *parse_marker(batch);
  ASSERT_TRUE(marker);
  EXPECT_EQ(marker->type, ControlType::kCommit);
  EXPECT_EQ(marker->marker, EndTxnMarker{9});
}

// Property: control batches that end no transaction are no markers; what cannot be one is an error, never a read outside.
TEST(Control, not_markers) {
  codec::Codecs codecs;
  const auto control_batch = [&](const Bytes& key, std::optional<ByteView> value, Compression compression = Compression::kNone) {
    BatchBuilder builder({.compression = compression, .is_control = true});
    builder.add(1'000, key, value);
    return *std::move(builder).build(codecs);
  };
  const Bytes leader_change = control_batch(control_key(ControlType::kLeaderChange), as_bytes("anything"));
  EXPECT_FALSE(*parse_marker(*BatchView::parse(leader_change)));
  BatchBuilder emptied({.is_control = true});
  emptied.extend_to(0);
  const Bytes without_record = *std::move(emptied).build(codecs);
  EXPECT_FALSE(*parse_marker(*BatchView::parse(without_record)));
  for (const Bytes& wrong : {control_batch(from_hex("0000"), std::nullopt), control_batch(control_key(ControlType::kAbort), std::nullopt),
                             control_batch(control_key(ControlType::kAbort), from_hex("000000000009"), Compression::kGzip)}) {
    EXPECT_EQ(parse_marker(*BatchView::parse(wrong)).error().code(), ErrorCode::kCorruptMessage);
  }
}

// Property: keys of later versions and unknown types are passed over; short ones are errors.
TEST(Control, keys) {
  for (int16_t type = 0; type <= 6; ++type) {
    EXPECT_EQ(*parse_control_key(control_key(static_cast<ControlType>(type))), static_cast<ControlType>(type));
  }
  EXPECT_EQ(*parse_control_key(from_hex("00000007")), ControlType::kUnknown);
  EXPECT_EQ(*parse_control_key(from_hex("0001000100")), ControlType::kCommit);
  EXPECT_FALSE(parse_control_key(from_hex("000000")));
  EXPECT_FALSE(parse_control_key(from_hex("ffff0001")));
  EXPECT_FALSE(parse_end_txn_marker(from_hex("0000000000")));
}

}  // namespace
}  // namespace weir::record
