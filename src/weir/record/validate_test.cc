#include "weir/record/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/record/builder.h"
#include "weir/record/record.h"
#include "weir/record/test_vectors.h"

namespace weir::record {
namespace {

constexpr TimestampMs kNow = 1'700'000'000'000;
constexpr int64_t kHourMs = 3'600'000;
constexpr Compression kAll[] = {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4,
                                Compression::kZstd};

struct Sent {
  TimestampMs timestamp = kNow;
  std::optional<std::string_view> key = "k";
};

Bytes batch_of(std::vector<Sent> records, const BatchOptions& options = {}) {
  codec::Codecs codecs;
  BatchBuilder builder(options);
  for (const Sent& sent : records) {
    builder.add(sent.timestamp, sent.key ? std::optional(as_bytes(*sent.key)) : std::nullopt, as_bytes("value"));
  }
  return *std::move(builder).build(codecs);
}

Bytes good_batch(const BatchOptions& options = {}) { return batch_of({{}, {}}, options); }

// A batch with one header field set to `value`, and the right CRC for it.
template <typename T>
Bytes with(size_t at, T value, Bytes bytes = good_batch()) {
  store_be(bytes.data() + at, value);
  store_be(bytes.data() + kCrcAt, compute_crc(bytes));
  return bytes;
}

std::expected<ValidatedBatch, Refusal> check(const Bytes& bytes, const ValidationRules& rules = {}) {
  codec::Codecs codecs;
  Bytes scratch;
  const SharedBytes sent = SharedBytes::copy_of(bytes);
  auto result = validate(sent, rules, kNow, codecs, scratch);
  if (!result) {
    EXPECT_TRUE(equal(sent, bytes)) << "a refused batch was changed";
  } else {
    EXPECT_TRUE(result->view().crc_matches());
    EXPECT_EQ(result->is_recompressed, !(result->bytes.data() == sent.data()));
  }
  return result;
}

ErrorCode code_of(const Bytes& bytes, const ValidationRules& rules = {}) {
  const auto result = check(bytes, rules);
  if (!result) EXPECT_FALSE(result.error().error.message().empty());
  return result ? ErrorCode::kNone : result.error().error.code();
}

// Property: on the usual path, in every codec, the very bytes that came are what is appended, unread where compressed.
// Fails when validation copies, patches, or looks inside a compressed body (here it is garbage).
TEST(Validate, usual_path_keeps_the_bytes) {
  for (const Compression compression : kAll) {
    const Bytes sent = good_batch({.compression = compression});
    const auto result = check(sent);
    ASSERT_TRUE(result) << result.error().error.describe();
    EXPECT_TRUE(equal(result->bytes, sent));
    EXPECT_EQ(result->log_append_time, kNoTimestamp);
  }
  Bytes garbage = good_batch({.compression = Compression::kGzip});
  for (size_t i = kHeaderBytes; i < garbage.size(); ++i) garbage[i] = std::byte{0xff};
  garbage = with(57, int32_t{2}, garbage);
  EXPECT_EQ(code_of(garbage), ErrorCode::kNone);
  EXPECT_EQ(code_of(garbage, {.check_records = true}), ErrorCode::kInvalidRecord);
}

// Property: exactly one batch. The codes are those a real Kafka 4.3.1 gave for the same bytes.
TEST(Validate, exactly_one_batch) {
  const Bytes good = good_batch();
  const auto appended = [&good](const Bytes& more) {
    Bytes bytes = good;
    bytes.insert(bytes.end(), more.begin(), more.end());
    return bytes;
  };
  EXPECT_EQ(code_of({}), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(Bytes(good.begin(), good.begin() + 20)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(Bytes(good.begin(), good.end() - 1)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(appended(good)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(appended(Bytes(30))), ErrorCode::kCorruptMessage);
  for (const Bytes& tail : {Bytes(5), Bytes(good.begin(), good.begin() + 40)}) {
    const auto result = check(appended(tail));
    ASSERT_TRUE(result);
    EXPECT_TRUE(equal(result->bytes, good));
  }
  EXPECT_EQ(code_of(from_hex(kLegacyV1Gzip)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(with(16, int8_t{3})), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_of(with(16, int8_t{-1})), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_of(with(8, int32_t{48})), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_of(with(8, int32_t{10})), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_of(with(8, int32_t{-1})), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_of(with(8, int32_t{1 << 30})), ErrorCode::kInvalidRecord);
}

// Property: each header rule refuses with its code; the leader epoch may be anything, it is written over.
TEST(Validate, header_rules) {
  EXPECT_EQ(code_of(with(0, int64_t{5})), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(with(0, int64_t{-1})), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(with(12, int32_t{7})), ErrorCode::kNone);
  Bytes bad_crc = good_batch();
  bad_crc.back() ^= std::byte{1};
  EXPECT_EQ(code_of(bad_crc), ErrorCode::kCorruptMessage);
  for (const int32_t delta : {5, 0, -1, -5}) EXPECT_EQ(code_of(with(23, delta)), ErrorCode::kInvalidRecord) << delta;
  for (const int32_t count : {5, 1, 0, -1}) EXPECT_EQ(code_of(with(57, count)), ErrorCode::kInvalidRecord) << count;
  for (const int16_t attributes : {0x20, 0x10, 0x40, 0x80, 0x4000}) {
    EXPECT_EQ(code_of(with(21, attributes)), ErrorCode::kInvalidRecord) << attributes;
  }
  EXPECT_EQ(code_of(with(21, std::numeric_limits<int16_t>::min())), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(with(21, int16_t{5})), ErrorCode::kUnsupportedCompressionType);
  EXPECT_EQ(code_of(with(21, int16_t{7})), ErrorCode::kUnsupportedCompressionType);
  const Bytes zstd = good_batch({.compression = Compression::kZstd});
  EXPECT_EQ(code_of(zstd, {.allows_zstd = false}), ErrorCode::kUnsupportedCompressionType);
}

// Property: a batch of exactly max.message.bytes passes, one more byte does not; and size is judged before the CRC.
TEST(Validate, size) {
  Bytes batch = good_batch();
  EXPECT_EQ(code_of(batch, {.batch_bytes_max = batch.size()}), ErrorCode::kNone);
  EXPECT_EQ(code_of(batch, {.batch_bytes_max = batch.size() - 1}), ErrorCode::kMessageTooLarge);
  batch.back() ^= std::byte{1};
  EXPECT_EQ(code_of(batch, {.batch_bytes_max = batch.size() - 1}), ErrorCode::kMessageTooLarge);
}

// Property: a producer id needs an epoch and a sequence, a transaction needs a producer id; without an id a stray sequence is
// passed over (some clients send 0).
TEST(Validate, producer_fields) {
  const auto producer = [](int64_t id, int16_t epoch, int32_t sequence, bool transactional = false) {
    return good_batch({.producer_id = ProducerId(id),
                       .producer_epoch = ProducerEpoch(epoch),
                       .base_sequence = sequence,
                       .is_transactional = transactional});
  };
  EXPECT_EQ(code_of(producer(7, 0, 0)), ErrorCode::kNone);
  EXPECT_EQ(code_of(producer(7, 0, 0, true)), ErrorCode::kNone);
  EXPECT_EQ(code_of(producer(7, 0, -1)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(producer(7, -1, 0)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(producer(-1, -1, 0)), ErrorCode::kNone);
  EXPECT_EQ(code_of(producer(-1, -1, -1, true)), ErrorCode::kInvalidRecord);
}

// Property: the body of an uncompressed batch is exactly as many records as the header counts.
// Fails when a count can lie: the log would then give one offset to two records, or to none.
TEST(Validate, uncompressed_lengths_are_walked) {
  Bytes three = batch_of({{}, {}, {}});
  EXPECT_EQ(code_of(with(23, int32_t{1}, with(57, int32_t{2}, three))), ErrorCode::kInvalidRecord);
  EXPECT_EQ(code_of(with(23, int32_t{3}, with(57, int32_t{4}, three))), ErrorCode::kInvalidRecord);
  three[kHeaderBytes] = std::byte{0xff};
  EXPECT_EQ(code_of(with(57, int32_t{3}, three)), ErrorCode::kInvalidRecord);
}

// Property: offsets in the batch are 0..n-1 wherever records are looked at.
TEST(Validate, offsets_are_contiguous) {
  codec::Codecs codecs;
  BatchBuilder builder({.compression = Compression::kLz4});
  builder.add_at(0, kNow, as_bytes("k"), std::nullopt);
  builder.add_at(2, kNow, as_bytes("k"), std::nullopt);
  const Bytes gap = with(23, int32_t{1}, *std::move(builder).build(codecs));
  EXPECT_EQ(code_of(gap, {.keys_required = true}), ErrorCode::kInvalidRecord);
}

// Property: a compacted topic refuses the batch and names each record without a key, in every codec; an empty key is a key.
TEST(Validate, compacted_topics_need_keys) {
  for (const Compression compression : kAll) {
    const Bytes batch = batch_of({{}, {.key = std::nullopt}, {.key = ""}, {.key = std::nullopt}}, {.compression = compression});
    EXPECT_EQ(code_of(batch), ErrorCode::kNone);
    const auto refused = check(batch, {.keys_required = true});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error.code(), ErrorCode::kInvalidRecord);
    ASSERT_EQ(refused.error().records.size(), 2u);
    EXPECT_EQ(refused.error().records[0].batch_index, 1);
    EXPECT_EQ(refused.error().records[1].batch_index, 3);
  }
  const auto many = check(batch_of(std::vector<Sent>(kRecordErrorsMax + 50, {.key = std::nullopt})), {.keys_required = true});
  EXPECT_EQ(many.error().records.size(), kRecordErrorsMax);
}

// Property: timestamps in the future beyond after.max.ms, or older than before.max.ms, refuse the batch and are listed; the
// edges themselves pass; -1 always passes.
TEST(Validate, timestamp_range) {
  EXPECT_EQ(code_of(batch_of({{.timestamp = kNow + kHourMs}})), ErrorCode::kNone);
  EXPECT_EQ(code_of(batch_of({{.timestamp = 0}})), ErrorCode::kNone);
  EXPECT_EQ(code_of(batch_of({{.timestamp = -5}})), ErrorCode::kNone);
  EXPECT_EQ(code_of(batch_of({{.timestamp = kNoTimestamp}})), ErrorCode::kNone);
  EXPECT_EQ(code_of(batch_of({{.timestamp = INT64_MIN}})), ErrorCode::kInvalidTimestamp);
  EXPECT_EQ(code_of(batch_of({{.timestamp = INT64_MAX}})), ErrorCode::kInvalidTimestamp);

  const auto future = check(batch_of({{}, {.timestamp = kNow + kHourMs + 1}}, {.compression = Compression::kGzip}));
  ASSERT_FALSE(future);
  EXPECT_EQ(future.error().error.code(), ErrorCode::kInvalidTimestamp);
  ASSERT_EQ(future.error().records.size(), 1u);
  EXPECT_EQ(future.error().records[0].batch_index, 1);

  const ValidationRules narrow{.timestamp_before_max_ms = 1'000};
  EXPECT_EQ(code_of(batch_of({{}, {.timestamp = kNow - 1'000}}), narrow), ErrorCode::kNone);
  EXPECT_EQ(code_of(batch_of({{}, {.timestamp = kNow - 1'001}}), narrow), ErrorCode::kInvalidTimestamp);
}

// Property: when both a key is missing and a timestamp is out of range, the timestamp decides the code and both are listed.
TEST(Validate, mixed_record_errors) {
  const auto refused = check(batch_of({{.key = std::nullopt}, {.timestamp = kNow + 2 * kHourMs}}), {.keys_required = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code(), ErrorCode::kInvalidTimestamp);
  EXPECT_EQ(refused.error().records.size(), 2u);
}

// Property: a header whose max timestamp is below the base, or out of range while its records are not, is mended in place:
// Kafka takes such batches too. So is a LogAppendTime bit that a producer set for a topic of CreateTime.
TEST(Validate, lying_timestamps_are_mended) {
  for (const Compression compression : kAll) {
    const Bytes good = batch_of({{.timestamp = kNow - 7}, {}}, {.compression = compression});
    for (const TimestampMs lie : {kNow - 8, kNow + 2 * kHourMs, kNoTimestamp}) {
      const auto result = check(with(35, lie, good));
      ASSERT_TRUE(result) << result.error().error.describe();
      EXPECT_TRUE(equal(result->bytes, good));
    }
    const auto result = check(with(21, static_cast<int16_t>(BatchView::parse(good)->attributes() | kLogAppendTimeBit), good));
    ASSERT_TRUE(result);
    EXPECT_TRUE(equal(result->bytes, good));
  }
}

// Property: LogAppendTime stamps the header in place whatever the producer's timestamps are, and refuses its own bit.
TEST(Validate, log_append_time) {
  const ValidationRules rules{.timestamp_type = TimestampType::kLogAppendTime};
  const auto result = check(batch_of({{.timestamp = kNow + 5 * kHourMs}}, {.compression = Compression::kSnappy}), rules);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->log_append_time, kNow);
  EXPECT_EQ(result->view().max_timestamp(), kNow);
  EXPECT_EQ(result->view().timestamp_type(), TimestampType::kLogAppendTime);
  EXPECT_EQ(code_of(with(21, kLogAppendTimeBit), rules), ErrorCode::kInvalidTimestamp);
}

// Property: from any codec to any other, the same records and header; "producer", or the same codec, keeps the bytes.
TEST(Validate, recompression) {
  codec::Codecs codecs;
  Bytes scratch;
  for (const Compression from : kAll) {
    const Bytes sent = batch_of({{}, {.key = std::nullopt}, {.timestamp = kNow - 3}}, {.compression = from,
                                                                                       .producer_id = ProducerId(4),
                                                                                       .producer_epoch = ProducerEpoch(2),
                                                                                       .base_sequence = 11,
                                                                                       .is_transactional = true});
    const BatchView before = *BatchView::parse(sent);
    for (const Compression to : kAll) {
      const auto result = check(sent, {.compression = to, .compression_level = codec::default_level(to)});
      ASSERT_TRUE(result) << result.error().error.describe();
      EXPECT_EQ(result->is_recompressed, from != to);
      const BatchView after = result->view();
      EXPECT_EQ(after.compression(), to);
      EXPECT_EQ(after.attributes() & ~kCompressionMask, before.attributes() & ~kCompressionMask);
      EXPECT_TRUE(equal(after.bytes().subspan(23, 38), before.bytes().subspan(23, 38)));
      const std::vector<Record> records = *read_records(after, codecs, 1'000, scratch);
      ASSERT_EQ(records.size(), 3u);
      EXPECT_EQ(records[2].timestamp, kNow - 3);
      EXPECT_EQ(as_text(*records[2].value), "value");
    }
  }
}

// Property: where the records are read anyway, the header's largest timestamp is theirs afterwards, whatever it claimed; a batch that
// is kept unread keeps its claim.
TEST(Validate, recompression_corrects_the_largest_timestamp) {
  const Bytes claims_more = with(35, kNow + 5, batch_of({{.timestamp = kNow - 7}, {.timestamp = kNow - 3}}));
  const auto recompressed = check(claims_more, {.compression = Compression::kZstd, .compression_level = 3});
  ASSERT_TRUE(recompressed);
  EXPECT_EQ(recompressed->view().max_timestamp(), kNow - 3);
  const auto kept = check(claims_more);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->view().max_timestamp(), kNow + 5);
}

// Property: what does not fit after recompression, or would be larger than the cap when read, is too large.
TEST(Validate, recompression_limits) {
  const std::string text(10'000, 'x');
  codec::Codecs codecs;
  BatchBuilder builder({.compression = Compression::kZstd});
  builder.add(kNow, std::nullopt, as_bytes(text));
  const Bytes sent = *std::move(builder).build(codecs);
  EXPECT_EQ(code_of(sent, {.batch_bytes_max = 1'000, .compression = Compression::kNone}), ErrorCode::kMessageTooLarge);
  EXPECT_EQ(code_of(sent, {.compression = Compression::kNone, .decompressed_bytes_max = 9'999}), ErrorCode::kMessageTooLarge);
  EXPECT_EQ(code_of(sent, {.compression = Compression::kNone}), ErrorCode::kNone);
}

}  // namespace
}  // namespace weir::record
