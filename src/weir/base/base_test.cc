#include <gtest/gtest.h>

#include "weir/base/crc32c.h"
#include "weir/base/error.h"
#include "weir/base/prng.h"
#include "weir/base/reader.h"
#include "weir/base/uuid.h"
#include "weir/base/writer.h"
#include "weir/base/assert.h"
#include "weir/base/ids.h"
#include "weir/base/log.h"
#include "weir/base/time.h"

namespace weir {
namespace {

// Property: the checksum is RFC 3720's. Fails when the final inversion or the polynomial is wrong.
TEST(Crc32c, matches_published_vectors) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0})), 0x8a9136aau);
}

// Property: short and wide routines agree at every length, also in two steps. Fails when the switch loses a tail.
TEST(Crc32c, is_the_same_in_pieces) {
  Bytes data(2048);
  Prng prng(7);
  for (std::byte& b : data) b = static_cast<std::byte>(prng.next());
  for (size_t cut : {0u, 1u, 7u, 8u, 511u, 512u, 513u, 2048u}) {
    const ByteView all(data);
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all)) << cut;
  }
}

// Property: what Writer writes, Reader reads, for edge values of each kind.
TEST(Wire, varints_round_trip) {
  for (int64_t value : {int64_t{0}, int64_t{-1}, int64_t{63}, int64_t{-64}, int64_t{64}, INT64_MAX, INT64_MIN}) {
    Writer writer;
    writer.varlong(value);
    EXPECT_EQ(writer.size(), varint_size(value));
    Reader reader(writer.view());
    EXPECT_EQ(reader.varlong(), value);
    EXPECT_FALSE(reader.failed());
  }
}

// Property: a cursor that ran out stays failed and yields zeros.
TEST(Wire, reading_past_the_end_fails_for_good) {
  const Bytes two(2, std::byte{1});
  Reader reader(two);
  EXPECT_EQ(reader.i32(), 0);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.i8(), 0);
  const Bytes endless(12, std::byte{0xff});
  Reader varint(endless);
  varint.varlong();
  EXPECT_TRUE(varint.failed());
}

// Property: text form as Kafka prints it, both ways.
TEST(Uuid, text_round_trips) {
  EXPECT_EQ(kMetadataTopicId.text(), "AAAAAAAAAAAAAAAAAAAAAQ");
  const Uuid id{0x0123456789abcdefull, 0xfedcba9876543210ull};
  EXPECT_EQ(Uuid::parse(id.text()), id);
  EXPECT_FALSE(Uuid::parse("too short"));
}

// Property: our own codes never reach the wire.
TEST(Error, own_codes_are_narrowed) {
  EXPECT_EQ(to_wire(ErrorCode::kDiskError), 56);
  EXPECT_EQ(to_wire(ErrorCode::kInternal), -1);
  EXPECT_EQ(name_of(from_wire(6)), "NOT_LEADER_OR_FOLLOWER");
  EXPECT_EQ(from_wire(1001), ErrorCode::kUnknownServerError);
}

// Property: slices keep the block alive.
TEST(SharedBytes, slices_share_and_outlive) {
  SharedBytes slice;
  {
    const SharedBytes whole = SharedBytes::copy_of(as_bytes("hello world"));
    slice = whole.slice(6, 5);
  }
  EXPECT_EQ(as_text(slice), "world");
  EXPECT_EQ(slice.pinned_bytes(), 11u);
}

}  // namespace
}  // namespace weir
