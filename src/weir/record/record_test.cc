#include "weir/record/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/prng.h"
#include "weir/record/batches.h"
#include "weir/record/builder.h"
#include "weir/record/test_vectors.h"

namespace weir::record {
namespace {

constexpr size_t kPlenty = 16 << 20;
constexpr Compression kAll[] = {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4,
                                Compression::kZstd};

struct OwnedRecord {
  int32_t offset_delta;
  TimestampMs timestamp;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  friend bool operator==(const OwnedRecord&, const OwnedRecord&) = default;
};

std::optional<ByteView> view_of(const std::optional<std::string>& text) {
  return text ? std::optional(as_bytes(*text)) : std::nullopt;
}
std::optional<std::string> text_of(const std::optional<ByteView>& view) {
  return view ? std::optional(std::string(as_text(*view))) : std::nullopt;
}

OwnedRecord owned(const Record& record, Offset base) {
  OwnedRecord result{
      static_cast<int32_t>(record.offset - base), record.timestamp, text_of(record.key), text_of(record.value), {}};
  for (const Header& header : record.headers.list()) result.headers.emplace_back(std::string(header.key), text_of(header.value));
  return result;
}

std::optional<std::string> random_text(Prng& prng, size_t size_max) {
  if (prng.chance(15)) return std::nullopt;
  std::string text(prng.below(size_max + 1), ' ');
  for (char& c : text) c = prng.chance(60) ? 'e' : static_cast<char>(prng.next());
  return text;
}

std::vector<OwnedRecord> random_records(Prng& prng) {
  std::vector<OwnedRecord> records;
  int32_t delta = -1;
  const uint64_t count = 1 + prng.below(40);
  for (uint64_t i = 0; i < count; ++i) {
    delta += prng.chance(80) ? 1 : static_cast<int32_t>(1 + prng.below(100'000));
    const TimestampMs timestamp =
        prng.chance(5) ? static_cast<TimestampMs>(prng.next()) : 1'700'000'000'000 + prng.between(-5'000, 5'000);
    OwnedRecord record{delta, timestamp, random_text(prng, 20), random_text(prng, prng.chance(10) ? 5'000 : 100), {}};
    for (uint64_t h = prng.chance(30) ? prng.below(4) : 0; h > 0; --h) {
      record.headers.emplace_back(random_text(prng, 8).value_or(""), random_text(prng, 20));
    }
    records.push_back(std::move(record));
  }
  return records;
}

void add_to(BatchBuilder& builder, const OwnedRecord& record) {
  std::vector<Header> headers;
  for (const auto& [key, value] : record.headers) headers.push_back({key, view_of(value)});
  const size_t before = builder.size_bytes();
  builder.add_at(record.offset_delta, record.timestamp, view_of(record.key), view_of(record.value), headers);
  ASSERT_LE(builder.size_bytes() - before, BatchBuilder::record_bytes_max(view_of(record.key), view_of(record.value), headers));
}

// Property: any records, built into a batch of any codec, are read back the same; and built again from what was read, the
// body is the same. Fails when a null becomes empty, a delta overflows, or a header shifts.
TEST(Records, round_trip) {
  codec::Codecs codecs;
  Bytes scratch;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    Prng prng(seed);
    const std::vector<OwnedRecord> wanted = random_records(prng);
    const BatchOptions options{.base_offset = Offset(static_cast<int64_t>(prng.below(1'000'000))), .compression = kAll[seed % 5]};
    BatchBuilder builder(options);
    for (const OwnedRecord& record : wanted) add_to(builder, record);
    const Bytes bytes = *std::move(builder).build(codecs);

    const BatchView batch = *BatchView::parse(bytes);
    ASSERT_TRUE(batch.crc_matches());
    ASSERT_EQ(batch.compression(), options.compression);
    const Result<std::vector<Record>> records = read_records(batch, codecs, kPlenty, scratch);
    ASSERT_TRUE(records) << "seed " << seed << ": " << records.error().describe();
    std::vector<OwnedRecord> got;
    BatchBuilder again(options);
    for (const Record& record : *records) {
      got.push_back(owned(record, batch.base_offset()));
      again.add_record(got.back().offset_delta, record);
    }
    ASSERT_EQ(got, wanted) << "seed " << seed;
    ASSERT_TRUE(equal(*std::move(again).build(codecs), bytes)) << "seed " << seed;
  }
}

// Property: batches that Apache Kafka's own broker stored for its own producer are read, in every codec.
TEST(Records, reads_a_segment_of_kafka) {
  codec::Codecs codecs;
  Bytes scratch;
  const Bytes segment = from_hex(kKafkaLog);
  Batches batches(segment);
  for (const Compression codec : {Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd}) {
    const std::optional<AnyBatch> any = *batches.next();
    ASSERT_TRUE(any && any->v2() != nullptr && any->crc_matches());
    const BatchView& batch = *any->v2();
    EXPECT_EQ(batch.compression(), codec);
    const std::vector<Record> records = *read_records(batch, codecs, kPlenty, scratch);
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(text_of(records[0].key), "a");
    EXPECT_EQ(text_of(records[0].value), "first line, first line, first line");
    EXPECT_EQ(text_of(records[1].value), fmt::format("second line of {}", codec::name_of(codec)));
    EXPECT_EQ(text_of(records[2].key), "");
    EXPECT_EQ(records[2].offset, batch.last_offset());
    EXPECT_EQ(records[2].timestamp, batch.max_timestamp());
  }
  EXPECT_FALSE(*batches.next());
  EXPECT_FALSE(batches.has_truncated_tail());
}

// Property: our builder makes the bytes another implementation makes of the same records.
TEST(Records, same_bytes_as_kafka_python) {
  codec::Codecs codecs;
  BatchBuilder builder({.leader_epoch = LeaderEpoch(0)});
  const Header header{"h", as_bytes("x")};
  builder.add(1'700'000'000'000, as_bytes("k"), as_bytes("hello"), std::span(&header, 1));
  builder.add(1'700'000'000'005, std::nullopt, std::nullopt);
  EXPECT_TRUE(equal(*std::move(builder).build(codecs), from_hex(kPython)));
}

// Property: under LogAppendTime every record has the batch's time; with a delete horizon timestamps are still right.
TEST(Records, timestamps) {
  codec::Codecs codecs;
  Bytes scratch;
  BatchBuilder appended({.timestamp_type = TimestampType::kLogAppendTime, .log_append_time = 99});
  appended.add(1, std::nullopt, std::nullopt);
  appended.add(2, std::nullopt, std::nullopt);
  const Bytes appended_bytes = *std::move(appended).build(codecs);
  for (const Record& record : *read_records(*BatchView::parse(appended_bytes), codecs, kPlenty, scratch))
    EXPECT_EQ(record.timestamp, 99);

  BatchBuilder horizon({.delete_horizon = 5'000});
  horizon.add_at(3, 1'000, as_bytes("k"), std::nullopt);
  const Bytes horizon_bytes = *std::move(horizon).build(codecs);
  const BatchView batch = *BatchView::parse(horizon_bytes);
  EXPECT_TRUE(batch.has_delete_horizon());
  EXPECT_EQ(batch.base_timestamp(), 5'000);
  EXPECT_EQ(batch.max_timestamp(), 1'000);
  EXPECT_EQ(read_records(batch, codecs, kPlenty, scratch)->at(0).timestamp, 1'000);
}

// Property: a batch whose records compaction took away still parses, spans its offsets and yields nothing.
TEST(Records, emptied_batch) {
  codec::Codecs codecs;
  Bytes scratch;
  BatchBuilder builder({.base_offset = Offset(10), .compression = Compression::kZstd});
  builder.extend_to(4);
  const Bytes bytes = *std::move(builder).build(codecs);
  EXPECT_EQ(bytes.size(), kHeaderBytes);
  const BatchView batch = *BatchView::parse(bytes);
  EXPECT_EQ(batch.next_offset(), Offset(15));
  EXPECT_TRUE(read_records(batch, codecs, kPlenty, scratch)->empty());
}

// Property: a body that disagrees with itself or with the header is an error that names the record, never a read outside.
TEST(Records, wrong_bodies) {
  codec::Codecs codecs;
  Bytes scratch;
  const auto error_of = [&](std::string_view body_hex, int32_t count, int32_t last_delta) {
    BatchBuilder builder({});
    builder.extend_to(last_delta);
    Bytes bytes = *std::move(builder).build(codecs);
    const Bytes body = from_hex(body_hex);
    bytes.insert(bytes.end(), body.begin(), body.end());
    store_be(bytes.data() + 8, static_cast<int32_t>(bytes.size() - kPrefixBytes));
    store_be(bytes.data() + 57, count);
    const Result<std::vector<Record>> records = read_records(*BatchView::parse(bytes), codecs, kPlenty, scratch);
    return records ? std::string() : records.error().message();
  };
  using testing::HasSubstr;
  constexpr std::string_view kGood = "10000000026b027600";  // the worked example's record
  const std::string good(kGood);
  EXPECT_EQ(error_of(good, 1, 0), "");
  EXPECT_THAT(error_of(good, 2, 1), HasSubstr("2 records but holds 9 bytes"));
  EXPECT_THAT(error_of(good + "00", 1, 0), HasSubstr("left after the last record"));
  EXPECT_THAT(error_of("12000000026b027600", 1, 0), HasSubstr("length is impossible"));
  EXPECT_THAT(error_of("0f000000026b027600", 1, 0), HasSubstr("length is impossible"));
  EXPECT_THAT(error_of("10000000046b027600", 1, 0), HasSubstr("record 0"));
  EXPECT_THAT(error_of("10000000036b027600", 1, 0), HasSubstr("fields do not fit"));
  EXPECT_THAT(error_of("10000000026b027602", 1, 0), HasSubstr("header count is impossible"));
  EXPECT_THAT(error_of("12000000026b02760000", 1, 0), HasSubstr("left after its headers"));
  EXPECT_THAT(error_of("1a000000026b0276020101000000", 1, 0), HasSubstr("headers do not fit"));
  EXPECT_THAT(error_of(good + good, 2, 1), HasSubstr("record 1 of the batch at offset 0: its offset does not rise"));
  EXPECT_THAT(error_of("10000004026b027600", 1, 1), HasSubstr("above the batch's last"));
  EXPECT_THAT(error_of("1000ffffffffff0000", 1, 1), HasSubstr("record 0"));
}

// Property: damage behind a right CRC is an error or other records, never a crash; and a bomb stops at the cap.
TEST(Records, damage_is_contained) {
  codec::Codecs codecs;
  Bytes scratch;
  Prng prng(5);
  for (int round = 0; round < 1'000; ++round) {
    BatchBuilder builder({.compression = kAll[static_cast<size_t>(round) % 5]});
    for (const OwnedRecord& record : random_records(prng)) add_to(builder, record);
    Bytes bytes = *std::move(builder).build(codecs);
    bytes[kHeaderBytes + prng.below(bytes.size() - kHeaderBytes)] = static_cast<std::byte>(prng.next());
    const Result<std::vector<Record>> records = read_records(*BatchView::parse(bytes), codecs, 100'000, scratch);
    if (!records) continue;
    for (const Record& record : *records) record.headers.list();
  }
  BatchBuilder bomb({.compression = Compression::kZstd});
  bomb.add(0, std::nullopt, Bytes(1 << 20));
  const Bytes bytes = *std::move(bomb).build(codecs);
  EXPECT_EQ(read_records(*BatchView::parse(bytes), codecs, 1 << 20, scratch).error().code(), ErrorCode::kOutputTooLarge);
}

}  // namespace
}  // namespace weir::record
