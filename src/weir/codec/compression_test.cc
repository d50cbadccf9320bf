#include "weir/codec/compression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "weir/base/endian.h"
#include "weir/base/prng.h"
#include "weir/codec/crc32.h"

namespace weir::codec {
namespace {

constexpr Compression kAll[] = {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4,
                                Compression::kZstd};
constexpr Compression kReal[] = {Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd};
constexpr size_t kPlenty = 64 << 20;

Bytes text_like(size_t size, uint64_t seed) {
  Prng prng(seed);
  const std::string_view words[] = {"click ", "view ", "cart ", "{\"user\": ", "\"price\": ", "0123", "\n", "xyzzy"};
  std::string text;
  while (text.size() < size) text += prng.chance(90) ? words[prng.below(8)] : std::string(1, static_cast<char>(prng.next()));
  text.resize(size);
  return to_bytes(text);
}

Bytes noise(size_t size, uint64_t seed) {
  Prng prng(seed);
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(prng.next());
  return bytes;
}

// Property: each codec is found by its name, and nothing by another. Fails when a codec is added and its name is not read.
TEST(Compression, names_there_and_back) {
  for (const Compression one : kAll) EXPECT_EQ(compression_named(name_of(one)), one);
  for (const std::string_view other : {"", "uncompressed", "producer", "LZ4", "unknown"}) EXPECT_EQ(compression_named(other), std::nullopt) << other;
}

Bytes joined(std::initializer_list<ByteView> parts) {
  Bytes all;
  for (const ByteView part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Result<Bytes> compress(Compression compression, int level, ByteView input) { return Codecs().compress(compression, level, input); }
Result<Bytes> decompress(Compression compression, ByteView input, size_t output_bytes_max) {
  return Codecs().decompress(compression, input, output_bytes_max);
}

Bytes zstd_without_content_size(ByteView input) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  Bytes output(ZSTD_compressBound(input.size()));
  output.resize(ZSTD_compress2(context, output.data(), output.size(), input.data(), input.size()));
  ZSTD_freeCCtx(context);
  return output;
}

// Property: what was compressed comes back, at every level, with one Codecs object reused for all.
// Fails when a context keeps something from one input to the next, or output growth loses bytes.
TEST(Compression, round_trip) {
  Codecs codecs;
  Bytes output;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{32 * 1024}, size_t{32 * 1024 + 1}, size_t{300'000}}) {
    for (const Bytes& input : {text_like(size, size), noise(size, size)}) {
      for (const Compression compression : kAll) {
        for (const int level : {default_level(compression), -5, 0, 1, 2, 3, 4, 9, 12, 100}) {
          if (size > 40'000 && level > 9) continue;
          const Result<Bytes> compressed = codecs.compress(compression, level, input);
          ASSERT_TRUE(compressed) << compressed.error().describe();
          const Result<void> done = codecs.decompress_into(compression, *compressed, size, output);
          ASSERT_TRUE(done) << name_of(compression) << " level " << level << ": " << done.error().describe();
          ASSERT_TRUE(equal(output, input)) << name_of(compression) << " level " << level;
        }
      }
    }
  }
}

// Property: a cap one byte below the output's size refuses it, whatever the codec.
// Fails when a cap is compared after the output was already grown past it, or off by one.
TEST(Compression, cap_is_exact) {
  const Bytes input = text_like(100'000, 7);
  for (const Compression compression : kAll) {
    const Bytes compressed = *compress(compression, default_level(compression), input);
    EXPECT_TRUE(decompress(compression, compressed, input.size())) << name_of(compression);
    const Result<Bytes> refused = decompress(compression, compressed, input.size() - 1);
    ASSERT_FALSE(refused) << name_of(compression);
    EXPECT_EQ(refused.error().code(), ErrorCode::kOutputTooLarge) << name_of(compression);
  }
}

// Property: a bomb (64 MiB of zeros) stops at the cap and never holds more memory than the cap.
// Fails when a decompressor takes the input's word for its size, or doubles past the cap.
TEST(Compression, bomb_stops_at_the_cap) {
  const Bytes zeros(64 << 20);
  constexpr size_t kCap = 1 << 20;
  for (const Compression compression : kReal) {
    const Bytes bomb = *compress(compression, 1, zeros);
    Codecs codecs;
    Bytes output;
    const Result<void> refused = codecs.decompress_into(compression, bomb, kCap, output);
    ASSERT_FALSE(refused) << name_of(compression);
    EXPECT_EQ(refused.error().code(), ErrorCode::kOutputTooLarge) << name_of(compression);
    EXPECT_LE(output.capacity(), kCap + 1) << name_of(compression);
  }
  Bytes output;
  EXPECT_FALSE(Codecs().decompress_into(Compression::kZstd, zstd_without_content_size(zeros), kCap, output));
}

// Property: an input cut anywhere is an error, never a shorter success; and nothing is read past its end (ASan).
// Raw snappy of one literal is the shortest frame; xerial may end at a block boundary, so only cuts inside blocks count.
TEST(Compression, truncation_is_an_error) {
  const Bytes input = text_like(2'000, 3);
  for (const Compression compression : kReal) {
    const Bytes compressed = *compress(compression, default_level(compression), input);
    for (size_t size = 0; size < compressed.size(); ++size) {
      if (compression == Compression::kSnappy && size == 16) continue;  // the xerial header alone: a stream of no blocks
      const Bytes cut(compressed.begin(), compressed.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_FALSE(decompress(compression, cut, kPlenty)) << name_of(compression) << " cut at " << size;
    }
  }
}

// Property: random damage gives an error or bytes under the cap, never a crash or more memory.
TEST(Compression, damage_is_contained) {
  Prng prng(11);
  Codecs codecs;
  Bytes output;
  const Bytes input = text_like(5'000, 5);
  for (const Compression compression : kReal) {
    const Bytes compressed = *compress(compression, default_level(compression), input);
    for (int round = 0; round < 2'000; ++round) {
      Bytes damaged = compressed;
      for (uint64_t i = 0; i <= prng.below(3); ++i) damaged[prng.below(damaged.size())] = static_cast<std::byte>(prng.next());
      if (codecs.decompress_into(compression, damaged, 10'000, output)) ASSERT_LE(output.size(), 10'000u);
    }
  }
}

// Property: xerial framing is what Java writes: the 16-byte header, then blocks of at most 32 KiB of input.
// Fails when the header or the block length differs from snappy-java's, which the Java client refuses.
TEST(Snappy, writes_xerial_blocks) {
  const Bytes input = noise(70'000, 1);
  const Bytes framed = *compress(Compression::kSnappy, 0, input);
  const std::string_view header("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
  ASSERT_EQ(as_text(ByteView(framed).first(16)), header);
  size_t blocks = 0;
  size_t at = 16;
  for (; at < framed.size(); ++blocks) at += 4 + static_cast<size_t>(load_be<int32_t>(framed.data() + at));
  EXPECT_EQ(at, framed.size());
  EXPECT_EQ(blocks, 3u);
}

// Property: raw snappy, which librdkafka writes, and two xerial streams in a row are read.
TEST(Snappy, reads_raw_and_concatenated) {
  // "aaaa..." 20 times: length 20, literal "a", copy of 19 at distance 1 (snappy format_description.txt).
  const Bytes raw = joined(
      {as_bytes("\x14"), as_bytes(std::string_view("\x00", 1)), as_bytes("a"), as_bytes(std::string_view("\x4a\x01\x00", 3))});
  const Result<Bytes> read = decompress(Compression::kSnappy, raw, 100);
  ASSERT_TRUE(read) << read.error().describe();
  EXPECT_EQ(as_text(*read), std::string(20, 'a'));

  const Bytes one = *compress(Compression::kSnappy, 0, as_bytes("one "));
  const Bytes two = *compress(Compression::kSnappy, 0, as_bytes("two"));
  EXPECT_EQ(as_text(*decompress(Compression::kSnappy, joined({one, two}), 100)), "one two");
}

// Property: a block that claims 2 GiB in five bytes is refused before memory is given to it, also under a huge cap.
TEST(Snappy, impossible_claim_is_refused) {
  const Bytes lie = joined({as_bytes("\xff\xff\xff\xff\x07"), as_bytes("x")});
  const Result<Bytes> refused = decompress(Compression::kSnappy, lie, SIZE_MAX);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kCorruptMessage);
}

// Property: several members are one stream; bytes after them that begin no member are passed over, as Java does; a member
// begun and not finished is an error.
TEST(Gzip, members_in_a_row) {
  const Bytes one = *compress(Compression::kGzip, 1, as_bytes("one "));
  const Bytes two = *compress(Compression::kGzip, 9, as_bytes("two"));
  const Bytes both = joined({one, two});
  EXPECT_EQ(as_text(*decompress(Compression::kGzip, both, 100)), "one two");
  EXPECT_EQ(as_text(*decompress(Compression::kGzip, joined({both, as_bytes("junk")}), 100)), "one two");
  EXPECT_FALSE(decompress(Compression::kGzip, ByteView(both).first(both.size() - 1), 100));
}

// Property: the checksum at the end is checked. Fails when damage that inflates to other bytes passes.
TEST(Gzip, checksum_is_checked) {
  Bytes compressed = *compress(Compression::kGzip, 6, text_like(1'000, 1));
  compressed[compressed.size() - 6] ^= std::byte{1};
  const Result<Bytes> refused = decompress(Compression::kGzip, compressed, kPlenty);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "gzip checksum is wrong");
}

// Property: zlib, which every other client uses, reads what we write; fails when a member is not RFC 1952.
TEST(Gzip, zlib_reads_both_compressors) {
  const Bytes input = text_like(50'000, 9);
  for (const int level : {1, 2, 3, 4, 6, 9}) {
    const Bytes compressed = *compress(Compression::kGzip, level, input);
    Bytes output(input.size());
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data()));
    stream.avail_in = static_cast<uInt>(compressed.size());
    stream.next_out = reinterpret_cast<Bytef*>(output.data());
    stream.avail_out = static_cast<uInt>(output.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END) << level;
    inflateEnd(&stream);
    EXPECT_TRUE(equal(output, input)) << level;
  }
}

// Property: frames without a content size, as the Java client's, are read, alone and in a row; so are empty ones.
// Fails when the size is taken from the header, where there is none.
TEST(Zstd, frames_without_content_size) {
  const Bytes input = text_like(500'000, 2);
  const Bytes frame = zstd_without_content_size(input);
  EXPECT_TRUE(equal(*decompress(Compression::kZstd, frame, kPlenty), input));
  const Bytes with_size = *compress(Compression::kZstd, 3, as_bytes("tail"));
  const Bytes all = *decompress(Compression::kZstd, joined({frame, zstd_without_content_size({}), with_size}), kPlenty);
  EXPECT_EQ(all.size(), input.size() + 4);
  EXPECT_FALSE(decompress(Compression::kZstd, joined({with_size, as_bytes("junk")}), kPlenty));
}

// Property: several frames are one stream, and a frame we write has independent blocks and no content size (flags 0x60),
// which Java's reader asks for.
TEST(Lz4, frames) {
  const Bytes one = *compress(Compression::kLz4, 9, as_bytes("one "));
  const Bytes two = *compress(Compression::kLz4, 3, as_bytes("two"));
  EXPECT_EQ(static_cast<int>(one[4]), 0x60);
  EXPECT_EQ(as_text(*decompress(Compression::kLz4, joined({one, two}), 100)), "one two");
  EXPECT_FALSE(decompress(Compression::kLz4, joined({one, as_bytes("junk")}), 100));
}

// Property: a wrong header checksum is refused in general and passed over for messages of magic 0; the right one also passes.
TEST(Lz4, header_checksum_of_magic_0) {
  Bytes frame = *compress(Compression::kLz4, 9, as_bytes("value value value"));
  Codecs codecs;
  Bytes output;
  EXPECT_TRUE(codecs.decompress_lz4_v0_into(frame, 100, output));
  EXPECT_EQ(as_text(output), "value value value");
  frame[6] ^= std::byte{0x55};
  EXPECT_FALSE(decompress(Compression::kLz4, frame, 100));
  ASSERT_TRUE(codecs.decompress_lz4_v0_into(frame, 100, output));
  EXPECT_EQ(as_text(output), "value value value");
  for (size_t size = 0; size < frame.size(); ++size) {
    EXPECT_FALSE(codecs.decompress_lz4_v0_into(ByteView(frame).first(size), 100, output)) << size;
  }
}

// Property: the check value of CRC-32 in the catalogue of parametrised CRC algorithms (CRC-32/ISO-HDLC).
TEST(Crc32, check_value) { EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926u); }

}  // namespace
}  // namespace weir::codec
