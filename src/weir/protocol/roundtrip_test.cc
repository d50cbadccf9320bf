#include <gtest/gtest.h>

#include "weir/protocol/decode.h"
#include "weir/protocol/describe.h"
#include "weir/protocol/encode.h"
#include "weir/protocol/random.h"

namespace weir::protocol {
namespace {

constexpr int kInstancesPerVersion = 20;

SharedBytes encoded(const AnyMessage& any, int16_t version) {
  FrameWriter out(16);
  const auto written = encode_from(any.message(), version, any.instance(), out);
  EXPECT_TRUE(written.has_value()) << written.error().describe();
  EXPECT_EQ(out.size(), size_of(any.message(), version, any.instance())) << any.message().name << " v" << version;
  return std::move(out).join();
}

// Runs `check(message, version, prng)` for every message and every version it has.
template <typename Check>
void for_each_version(Check check) {
  ASSERT_GT(all_messages().size(), 250u);
  Prng prng(20260617);
  for (const Message* message : all_messages()) {
    for (int16_t version = message->versions.first; version <= message->versions.last; ++version) check(*message, version, prng);
  }
}

// Property: what is encoded is decoded to the same values, and its size is known beforehand, for every message and version.
// Fails when encode and decode disagree about order, presence, nullability, compactness or tags of any field.
TEST(RoundTrip, every_message_in_every_version) {
  size_t pairs = 0;
  for_each_version([&](const Message& message, int16_t version, Prng& prng) {
    ++pairs;
    for (int i = 0; i < kInstancesPerVersion; ++i) {
      AnyMessage original(message);
      randomize(message, version, prng, original.instance());
      const SharedBytes bytes = encoded(original, version);
      AnyMessage copy(message);
      const auto read = decode_into(message, version, bytes, i % 2 == 0 ? &bytes : nullptr, copy.instance());
      ASSERT_TRUE(read.has_value()) << read.error().describe();
      EXPECT_EQ(*read, bytes.size()) << message.name << " v" << version;
      EXPECT_TRUE(equal_values(*message.root, original.instance(), copy.instance()))
          << message.name << " v" << version << "\n"
          << describe(*message.root, original.instance()) << "\n"
          << describe(*message.root, copy.instance());
      EXPECT_TRUE(equal(encoded(copy, version), bytes));
    }
  });
  EXPECT_GE(pairs, 600u);
}

// Property: a frame cut short gives an error, or a shorter message, and no read outside it (the sanitizer watches: each
// piece lies in a block of its own). The error names the message and a place inside the frame.
TEST(Malformed, every_truncation_is_survived) {
  for_each_version([&](const Message& message, int16_t version, Prng& prng) {
    AnyMessage original(message);
    randomize(message, version, prng, original.instance());
    const SharedBytes bytes = encoded(original, version);
    for (size_t length = 0; length < bytes.size(); length += length < 200 ? 1 : 37) {
      const Bytes piece(bytes.view().begin(), bytes.view().begin() + static_cast<ptrdiff_t>(length));
      AnyMessage copy(message);
      const auto read = decode_into(message, version, piece, nullptr, copy.instance());
      if (read) {
        EXPECT_LE(*read, length);
      } else {
        EXPECT_EQ(read.error().code(), ErrorCode::kMalformedFrame);
        EXPECT_TRUE(read.error().message().starts_with(message.name)) << read.error().message();
      }
    }
  });
}

// Property: flipped bytes are survived too, and what is then accepted can be encoded again.
TEST(Malformed, random_damage_is_survived) {
  for_each_version([&](const Message& message, int16_t version, Prng& prng) {
    AnyMessage original(message);
    randomize(message, version, prng, original.instance());
    const SharedBytes bytes = encoded(original, version);
    if (bytes.empty()) return;
    for (int i = 0; i < 30; ++i) {
      Bytes damaged(bytes.view().begin(), bytes.view().end());
      for (uint64_t flips = 1 + prng.below(3); flips > 0; --flips)
        damaged[prng.below(damaged.size())] = static_cast<std::byte>(prng.next());
      AnyMessage copy(message);
      if (!decode_into(message, version, damaged, nullptr, copy.instance())) continue;
      FrameWriter out;
      EXPECT_TRUE(encode_from(message, version, copy.instance(), out).has_value()) << message.name << " v" << version;
    }
  });
}

// Property: the table's defaults are those of the struct. Fails when initializer and table row differ.
TEST(Tables, default_instances_hold_their_defaults) {
  for (const Message* message : all_messages()) {
    AnyMessage fresh(*message);
    for (const Field& field : message->root->fields) {
      EXPECT_TRUE(is_default(field, static_cast<const std::byte*>(fresh.instance()) + field.offset))
          << message->name << '.' << field.name;
    }
    EXPECT_EQ(describe(*message->root, fresh.instance()), "{}") << message->name;
  }
}

}  // namespace
}  // namespace weir::protocol
