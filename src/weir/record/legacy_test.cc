#include "weir/record/legacy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/codec/crc32.h"
#include "weir/record/batches.h"
#include "weir/record/test_vectors.h"

namespace weir::record {
namespace {

constexpr size_t kPlenty = 1 << 20;

std::optional<std::string> text_of(const std::optional<ByteView>& view) {
  return view ? std::optional(std::string(as_text(*view))) : std::nullopt;
}

void mend_crc(Bytes& message) { store_be(message.data() + 12, codec::crc32(ByteView(message).subspan(16))); }

// Every record of a run of legacy messages; `keep` holds what was decompressed.
Result<std::vector<Record>> read_run(ByteView run, std::vector<Bytes>& keep) {
  codec::Codecs codecs;
  std::vector<Record> all;
  Batches batches(run);
  for (;;) {
    WEIR_TRY(const std::optional<AnyBatch> next, batches.next());
    if (!next) return all;
    keep.emplace_back();
    WEIR_TRY(const std::vector<Record> some, read_legacy_records(*next->legacy(), codecs, kPlenty, keep.back()));
    all.insert(all.end(), some.begin(), some.end());
  }
}

// Property: what another client wrote in magic 0 and 1 is read, in every codec these have: offsets absolute, magic 0 without
// timestamps. Fails when relative offsets are taken as absolute, or the broken lz4 checksum of magic 0 is not passed over.
TEST(Legacy, reads_kafka_python) {
  const std::string_view vectors[] = {kLegacyV0None, kLegacyV0Gzip, kLegacyV0Snappy, kLegacyV0Lz4,
                                      kLegacyV1None, kLegacyV1Gzip, kLegacyV1Snappy, kLegacyV1Lz4};
  for (size_t i = 0; i < std::size(vectors); ++i) {
    const Bytes run = from_hex(vectors[i]);
    std::vector<Bytes> keep;
    const Result<std::vector<Record>> records = read_run(run, keep);
    ASSERT_TRUE(records) << i << ": " << records.error().describe();
    ASSERT_EQ(records->size(), 3u) << i;
    const int64_t base = i > 4 ? 100 : 0;
    for (int64_t r = 0; r < 3; ++r) {
      EXPECT_EQ(records->at(static_cast<size_t>(r)).offset, Offset(base + r)) << i;
      EXPECT_EQ(records->at(static_cast<size_t>(r)).timestamp, i < 4 ? kNoTimestamp : 1'500'000'000'000 + r) << i;
    }
    EXPECT_EQ(text_of(records->at(0).key), std::nullopt);
    EXPECT_EQ(text_of(records->at(0).value), "value-0");
    EXPECT_EQ(text_of(records->at(1).key), "key1");
    EXPECT_EQ(text_of(records->at(1).value), "value-1value-1");
    EXPECT_EQ(text_of(records->at(2).value), std::nullopt);
  }
}

// Property: under LogAppendTime the inner records have the wrapper's timestamp.
TEST(Legacy, log_append_time) {
  Bytes run = from_hex(kLegacyV1Gzip);
  run[17] |= std::byte{0x08};
  store_be(run.data() + 18, int64_t{777});
  mend_crc(run);
  std::vector<Bytes> keep;
  const std::vector<Record> records = *read_run(run, keep);
  for (const Record& record : records) EXPECT_EQ(record.timestamp, 777);
}

// Property: every bit flip is seen by parse() or the CRC-32, but for those in the offset, which the CRC leaves out.
TEST(Legacy, every_bit_flip_is_seen) {
  const Bytes good = from_hex(kLegacyV1Snappy);
  for (size_t bit = 64; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    const Result<LegacyView> message = LegacyView::parse(bad);
    EXPECT_TRUE(!message || !message->crc_matches()) << bit;
  }
}

// Property: cut anywhere, a message does not parse.
TEST(Legacy, truncation_is_seen) {
  const Bytes good = from_hex(kLegacyV0Gzip);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(LegacyView::parse(Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(size)))) << size;
  }
}

// Property: a wrapper whose offset cannot hold its inner messages, of the wrong magic, or without any, is an error.
TEST(Legacy, wrong_wrappers) {
  std::vector<Bytes> keep;
  Bytes low = from_hex(kLegacyV1Gzip);
  store_be(low.data(), int64_t{1});
  EXPECT_FALSE(read_run(low, keep));

  const auto wrapper = [](int8_t magic, ByteView inner) {
    const Bytes value = *codec::Codecs().compress(Compression::kGzip, 6, inner);
    Bytes message(magic == 0 ? kLegacyHeaderBytesV0 : kLegacyHeaderBytesV1);
    message.insert(message.end(), value.begin(), value.end());
    const size_t lengths = message.size() - value.size() - 8;
    store_be(message.data(), int64_t{50});
    store_be(message.data() + 8, static_cast<int32_t>(message.size() - 12));
    store_be(message.data() + 16, magic);
    store_be(message.data() + 17, int8_t{1});
    store_be(message.data() + lengths, int32_t{-1});
    store_be(message.data() + lengths + 4, static_cast<int32_t>(value.size()));
    mend_crc(message);
    return message;
  };
  EXPECT_TRUE(read_run(wrapper(1, from_hex(kLegacyV1None)), keep));
  EXPECT_FALSE(read_run(wrapper(1, from_hex(kLegacyV0None)), keep));
  EXPECT_FALSE(read_run(wrapper(1, {}), keep));
  EXPECT_FALSE(read_run(wrapper(1, wrapper(1, from_hex(kLegacyV1None))), keep));
  Bytes backwards = from_hex(kLegacyV1None);
  store_be(backwards.data(), int64_t{9});
  EXPECT_FALSE(read_run(wrapper(1, backwards), keep));
}

}  // namespace
}  // namespace weir::record
