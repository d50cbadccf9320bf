#include "weir/server/frame_reader.h"

#include <gtest/gtest.h>

#include <deque>

#include "weir/base/prng.h"
#include "weir/base/writer.h"

namespace weir::server {
namespace {

void feed(FrameReader& reader, ByteView bytes, size_t piece) {
  while (!bytes.empty()) {
    const MutableBytes space = reader.space();
    const size_t count = std::min({space.size(), bytes.size(), piece});
    std::memcpy(space.data(), bytes.data(), count);
    reader.filled(count);
    bytes = bytes.subspan(count);
    if (count == piece) break;
  }
}

// Property: whatever the sizes of frames and of reads, and however long frames are kept, the frames that come out are the
// ones that went in. Fails when a block is reused while a slice points into it, or a straddling frame loses bytes.
TEST(FrameReader, yields_the_frames_that_were_sent) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Prng prng(seed);
    FrameReader reader(3 * 1024 * 1024);
    std::deque<Bytes> expected;
    Writer stream;
    for (int i = 0; i < 60; ++i) {
      Bytes frame(prng.below(prng.chance(5) ? 2'000'000 : 9000));
      for (size_t j = 0; j < frame.size(); j += 61) frame[j] = static_cast<std::byte>(prng.next());
      stream.i32(static_cast<int32_t>(frame.size()));
      stream.bytes(frame);
      expected.push_back(std::move(frame));
    }
    std::deque<SharedBytes> kept;
    size_t at = 0;
    while (at < stream.size() || !expected.empty()) {
      const MutableBytes space = reader.space();
      const size_t count = std::min({space.size(), stream.size() - at, static_cast<size_t>(prng.between(1, 200'000))});
      std::memcpy(space.data(), stream.view().data() + at, count);
      reader.filled(count);
      at += count;
      for (;;) {
        auto frame = reader.next();
        ASSERT_TRUE(frame);
        if (!*frame) break;
        kept.push_back(std::move(**frame));
        if (prng.chance(40)) {
          while (!kept.empty()) {
            ASSERT_TRUE(equal(kept.front(), expected.front()));
            kept.pop_front();
            expected.pop_front();
          }
        }
      }
      if (at == stream.size()) {
        for (; !kept.empty(); kept.pop_front(), expected.pop_front()) ASSERT_TRUE(equal(kept.front(), expected.front()));
      }
    }
    EXPECT_FALSE(reader.has_partial_frame());
  }
}

// Property: what a frame still lacks is known once its length is, never more than that; and nothing of the next one. A connection
// that waited for more than will come would wait for ever.
TEST(FrameReader, says_what_the_frame_lacks) {
  FrameReader reader(1 << 20);
  Writer stream;
  stream.i32(100'000);
  stream.bytes(Bytes(100'000));
  stream.i32(7);
  const auto lacks = [&](size_t from, size_t to) {
    for (size_t at = from; at < to; at += 1000) feed(reader, stream.view().subspan(at, std::min<size_t>(1000, to - at)), 1000);
    while (reader.next().value()) {
    }
    return reader.missing_bytes();
  };
  EXPECT_EQ(reader.missing_bytes(), 1u);
  EXPECT_EQ(lacks(0, 3), 1u);
  EXPECT_EQ(lacks(3, 4), 100'000u);
  EXPECT_EQ(lacks(4, 60'004), 40'000u);
  EXPECT_EQ(lacks(60'004, 100'003), 1u);
  EXPECT_EQ(lacks(100'003, 100'006), 1u);
  EXPECT_EQ(lacks(100'006, 100'008), 7u);
}

// Property: the memory of a large frame is given up once nobody holds the frame. Fails when the block is kept for the next read:
// a connection that sent one request of 100 MiB would keep 100 MiB while it idles.
TEST(FrameReader, gives_up_the_block_of_a_large_frame) {
  constexpr size_t kLarge = 5 * FrameReader::kBlockBytesMax;
  FrameReader reader(kLarge);
  Writer stream;
  stream.i32(kLarge);
  stream.bytes(Bytes(kLarge));
  std::optional<SharedBytes> frame;
  for (size_t at = 0; !frame; at += 100'000) {
    ASSERT_LT(at, stream.size());
    feed(reader, stream.view().subspan(at, std::min<size_t>(100'000, stream.size() - at)), 100'000);
    auto next = reader.next();
    ASSERT_TRUE(next);
    frame = std::move(*next);
  }
  EXPECT_EQ(frame->size(), kLarge);
  frame.reset();
  EXPECT_LE(reader.space().size(), FrameReader::kBlockBytesMax);
}

// Property: an announced length alone takes no memory, what arrives takes at most four times its size, and the copies for that
// stay below the frame's size. Fails when a peer that sends four bytes makes the reader reserve 100 MiB.
TEST(FrameReader, reserves_as_bytes_arrive) {
  constexpr size_t kAnnounced = 100 << 20;
  FrameReader reader(kAnnounced);
  Writer stream;
  stream.i32(kAnnounced);
  stream.bytes(Bytes(8 << 20));
  size_t copied = 0;
  size_t block = 0;
  for (size_t at = 0; at < stream.size();) {
    const MutableBytes space = reader.space();
    if (reader.block_bytes() != block) copied += at;
    block = reader.block_bytes();
    ASSERT_LE(block, std::max(4 * at, FrameReader::kUnprovenBytesMax)) << at;
    const size_t count = std::min<size_t>({space.size(), stream.size() - at, at == 0 ? size_t{4} : size_t{7000}});
    std::memcpy(space.data(), stream.view().data() + at, count);
    reader.filled(count);
    at += count;
    const auto frame = reader.next();
    ASSERT_TRUE(frame);
    ASSERT_FALSE(*frame);
  }
  EXPECT_LE(copied, stream.size());
}

// Property: a connection that was busy and has nothing in its block can wait without it. Fails when 1 MiB stays with each of
// thousands of idle connections.
TEST(FrameReader, gives_back_a_large_block_that_is_empty) {
  FrameReader reader(1 << 20);
  EXPECT_FALSE(reader.holds_idle_block());
  Writer stream;
  stream.i32(500'000);
  stream.bytes(Bytes(500'000));
  std::optional<SharedBytes> frame;
  for (size_t at = 0; !frame; at += 50'000) {
    ASSERT_LT(at, stream.size());
    EXPECT_EQ(reader.holds_idle_block(), false) << at;
    feed(reader, stream.view().subspan(at, std::min<size_t>(50'000, stream.size() - at)), 50'000);
    auto next = reader.next();
    ASSERT_TRUE(next);
    frame = std::move(*next);
  }
  ASSERT_TRUE(reader.holds_idle_block());
  reader.release();
  EXPECT_EQ(reader.block_bytes(), 0u);
  EXPECT_EQ(frame->size(), 500'000u);
  EXPECT_GT(reader.space().size(), 0u);
}

// Property: a length that is negative or above the limit is refused before anything is allocated for it.
TEST(FrameReader, refuses_lengths_out_of_range) {
  for (int32_t length : {-1, INT32_MIN, 101, INT32_MAX}) {
    FrameReader reader(100);
    Writer writer;
    writer.i32(length);
    feed(reader, writer.view(), 4);
    const auto frame = reader.next();
    ASSERT_FALSE(frame);
    EXPECT_EQ(frame.error().code(), ErrorCode::kMalformedFrame);
  }
}

// Property: who speaks HTTP or TLS to this port is told apart from a request that is too large. Fails when the log has a number
// of bytes to offer for the commonest of mistakes.
TEST(FrameReader, knows_other_protocols) {
  struct Spoken {
    std::string_view first;
    std::string_view name;
  };
  constexpr Spoken kSpoken[] = {{"GET ", "HTTP"}, {"POST", "HTTP"}, {"\x16\x03\x01\x02", "TLS"}, {"\x15\x03\x03\x7f", "TLS"}, {"\x17\x03\x03\x7f", "bytes"}};
  for (const Spoken& spoken : kSpoken) {
    FrameReader reader(100);
    feed(reader, as_bytes(spoken.first), 4);
    const auto frame = reader.next();
    ASSERT_FALSE(frame);
    EXPECT_NE(frame.error().message().find(spoken.name), std::string::npos) << frame.error().message();
  }
}

}  // namespace
}  // namespace weir::server
