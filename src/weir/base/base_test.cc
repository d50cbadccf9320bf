#include <fmt/format.h>
#include <gtest/gtest.h>

#include "weir/base/assert.h"
#include "weir/base/crc32c.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/intrusive_list.h"
#include "weir/base/prng.h"
#include "weir/base/reader.h"
#include "weir/base/uuid.h"
#include "weir/base/writer.h"

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

// Property: a varint carries no bit beyond its type and no byte too many. Fails when the last byte is taken as it comes: 2^32 would
// be read as 0, and one number have several spellings that the next reader refuses.
TEST(Wire, varints_beyond_their_type_are_refused) {
  const Bytes all_ones = {std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0x0f}};
  EXPECT_EQ(Reader(all_ones).unsigned_varint(), UINT32_MAX);
  for (const auto last : {std::byte{0x10}, std::byte{0x1f}, std::byte{0x8f}}) {
    Bytes beyond = all_ones;
    beyond.back() = last;
    Reader reader(beyond);
    reader.unsigned_varint();
    EXPECT_TRUE(reader.failed()) << static_cast<int>(last);
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

// Property: an assertion that fails says what, with its operands and what was noted before. Fails when the report is not of use.
TEST(AssertDeathTest, tells_condition_operands_and_events) {
  const int have = 3;
  const int want = 4;
  note_event("read", 7, 8);
  EXPECT_DEATH(WEIR_ASSERT(have == want, have, want), "have == want does not hold\n.*base_test.*\n.*have, want = 3 4\n.*read 7 8");
  EXPECT_DEATH(WEIR_UNREACHABLE(Offset(9)), "Offset\\(9\\) = 9");
}

struct Item : ListHook {
  explicit Item(int number) : number(number) {}
  int number;
};

std::vector<int> numbers_in(IntrusiveList<Item>& list) {
  std::vector<int> numbers;
  list.for_each([&](Item& item) { numbers.push_back(item.number); });
  return numbers;
}

// Property: items stay in order and leave by themselves; whichever of list and item dies first leaves the other sound.
TEST(IntrusiveList, items_come_and_go) {
  Item outlives(4);
  {
    IntrusiveList<Item> list;
    Item one(1), two(2);
    list.push_back(one);
    {
      Item gone(9);
      list.push_back(gone);
      list.push_back(two);
      EXPECT_EQ(list.next(one), &gone);
    }
    list.push_back(outlives);
    EXPECT_EQ(numbers_in(list), (std::vector{1, 2, 4}));
    EXPECT_EQ(list.next(one), &two);
    EXPECT_EQ(list.previous(one), nullptr);
    EXPECT_EQ(list.next(outlives), nullptr);
    list.for_each([](Item& item) {
      if (item.number == 2) item.unlink();
    });
    EXPECT_EQ(numbers_in(list), (std::vector{1, 4}));
    EXPECT_EQ(list.pop_front().number, 1);
    EXPECT_FALSE(one.is_linked());
  }
  EXPECT_FALSE(outlives.is_linked());
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
