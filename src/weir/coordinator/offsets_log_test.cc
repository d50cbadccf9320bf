#include "weir/coordinator/offsets_log.h"

#include <gtest/gtest.h>

#include "weir/protocol/versioned.h"
#include "weir/record/record.h"

namespace weir::coordinator {
namespace {

constexpr TimestampMs kThen = 1'700'000'000'000;

// The records of one batch as the coordinator would load them.
std::vector<LoggedRecord> reload(OffsetsBatch batch, record::Compression expected = record::Compression::kNone) {
  codec::Codecs codecs;
  const Result<SharedBytes> bytes = std::move(batch).build(codecs);
  EXPECT_TRUE(bytes.has_value());
  const Result<record::BatchView> view = record::BatchView::parse(bytes->view());
  EXPECT_TRUE(view.has_value() && view->crc_matches());
  EXPECT_EQ(view->compression(), expected);
  Bytes scratch;
  const auto records = record::read_records(*view, codecs, 1 << 20, scratch);
  EXPECT_TRUE(records.has_value());
  std::vector<LoggedRecord> read;
  for (const record::Record& one : *records) {
    Result<LoggedRecord> logged = read_record(one);
    EXPECT_TRUE(logged.has_value());
    if (logged) read.push_back(std::move(*logged));
  }
  return read;
}

LoggedRecord reload_one(OffsetsBatch batch) {
  std::vector<LoggedRecord> read = reload(std::move(batch));
  EXPECT_EQ(read.size(), 1u);
  return std::move(read.front());
}

Result<LoggedRecord> read_bytes(std::optional<Bytes> key, std::optional<Bytes> value) {
  record::Record one;
  if (key) one.key = *key;
  if (value) one.value = *value;
  return read_record(one);
}

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

// Property: the worked example of docs/formats/consumer-offsets.md, byte for byte.
TEST(OffsetsLog, documented_example) {
  const Result<SharedBytes> key = offset_key("g", {"t", PartitionIndex(0)});
  ASSERT_TRUE(key.has_value());
  const Bytes expected_key = bytes_of({0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 0});
  EXPECT_TRUE(equal(key->view(), ByteView(expected_key)));
  CommittedOffset committed{.offset = Offset(42), .leader_epoch = LeaderEpoch(0), .commit_time = kThen};
  const Result<SharedBytes> without_id = offset_value(committed);
  ASSERT_TRUE(without_id.has_value());
  const Bytes expected = bytes_of({0, 3, 0, 0, 0, 0, 0, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0});
  EXPECT_TRUE(equal(without_id->view(), ByteView(expected)));
}

// Property: a position comes back as it was written, with and without a topic id, with a retention of its own, and its removal.
TEST(OffsetsLog, positions_round_trip) {
  CommittedOffset plain{.offset = Offset(42), .leader_epoch = LeaderEpoch(3), .metadata = "m\xc3\xa9ta", .commit_time = kThen};
  CommittedOffset with_id = plain;
  with_id.topic_id = Uuid{0x0102030405060708, 0xfffefdfcfbfaf9f8};
  CommittedOffset with_expiry{.offset = Offset(1), .commit_time = kThen, .expire_time = kThen + 5};
  for (const CommittedOffset& committed : {plain, with_id, with_expiry}) {
    OffsetsBatch batch(kThen);
    ASSERT_TRUE(batch.add("group", {{"topic", PartitionIndex(5)}, committed}).has_value());
    const LoggedRecord read = reload_one(std::move(batch));
    const auto* offset = std::get_if<OffsetRecord>(&read);
    ASSERT_NE(offset, nullptr);
    EXPECT_EQ(offset->group, "group");
    EXPECT_EQ(offset->change.place, (OffsetPlace{"topic", PartitionIndex(5)}));
    ASSERT_TRUE(offset->change.value.has_value());
    EXPECT_EQ(offset->change.value->offset, committed.offset);
    EXPECT_EQ(offset->change.value->leader_epoch, committed.leader_epoch);
    EXPECT_EQ(offset->change.value->metadata, committed.metadata);
    EXPECT_EQ(offset->change.value->commit_time, committed.commit_time);
    EXPECT_EQ(offset->change.value->expire_time, committed.expire_time);
    EXPECT_EQ(offset->change.value->topic_id, committed.topic_id);
  }
  OffsetsBatch batch(kThen);
  ASSERT_TRUE(batch.add("group", {{"topic", PartitionIndex(5)}, std::nullopt}).has_value());
  const LoggedRecord removal = reload_one(std::move(batch));
  ASSERT_NE(std::get_if<OffsetRecord>(&removal), nullptr);
  EXPECT_FALSE(std::get_if<OffsetRecord>(&removal)->change.value.has_value());
}

// Property: a group comes back with its members, and its tombstone as its end, also from a compressed batch.
TEST(OffsetsLog, groups_round_trip) {
  protocol::GroupMetadataValue value;
  value.protocol_type = "consumer";
  value.generation = 4;
  value.protocol = "range";
  value.leader = "m";
  value.current_state_timestamp = kThen;
  auto& member = value.members.emplace_back();
  member.member_id = "m";
  member.group_instance_id = "i";
  member.session_timeout = 10;
  member.rebalance_timeout = 20;
  member.assignment = SharedBytes::copy_of(as_bytes("mine"));
  OffsetsBatch batch(kThen, record::Compression::kZstd);
  ASSERT_TRUE(batch.add("group", &value).has_value());
  ASSERT_TRUE(batch.add("group", static_cast<const protocol::GroupMetadataValue*>(nullptr)).has_value());
  const std::vector<LoggedRecord> read = reload(std::move(batch), record::Compression::kZstd);
  ASSERT_EQ(read.size(), 2u);
  const auto* group = std::get_if<GroupRecord>(&read[0]);
  ASSERT_TRUE(group != nullptr && group->value.has_value());
  EXPECT_EQ(group->value->generation, 4);
  ASSERT_EQ(group->value->members.size(), 1u);
  EXPECT_EQ(group->value->members[0].group_instance_id, "i");
  const auto* end = std::get_if<GroupRecord>(&read[1]);
  ASSERT_NE(end, nullptr);
  EXPECT_FALSE(end->value.has_value());
}

// Property: an older Kafka's key of type 0 is a position too; what a later one wrote is passed over, never misread.
TEST(OffsetsLog, other_types_and_versions) {
  const Bytes place = bytes_of({0, 1, 'g', 0, 1, 't', 0, 0, 0, 0});
  Bytes old_key = bytes_of({0, 0});
  old_key.insert(old_key.end(), place.begin(), place.end());
  const auto old = read_bytes(old_key, std::nullopt);
  ASSERT_TRUE(old.has_value());
  EXPECT_NE(std::get_if<OffsetRecord>(&*old), nullptr);
  for (const int type : {3, 14, 17}) {
    const auto other = read_bytes(bytes_of({0, type, 0, 1, 'g'}), bytes_of({0, 0}));
    ASSERT_TRUE(other.has_value());
    EXPECT_NE(std::get_if<UnknownRecord>(&*other), nullptr) << type;
  }
  Bytes key = bytes_of({0, 1});
  key.insert(key.end(), place.begin(), place.end());
  const auto later = read_bytes(key, bytes_of({0, 99, 1, 2, 3}));
  ASSERT_TRUE(later.has_value());
  EXPECT_NE(std::get_if<UnknownRecord>(&*later), nullptr);
  const auto nameless = read_bytes(std::nullopt, bytes_of({0, 0}));
  ASSERT_TRUE(nameless.has_value());
  EXPECT_NE(std::get_if<UnknownRecord>(&*nameless), nullptr);
}

// Property: bytes cut short anywhere are an error or an unknown record, never a crash and never a position that nobody wrote.
TEST(OffsetsLog, cut_short) {
  const auto key = offset_key("group", {"topic", PartitionIndex(1)});
  const auto value = offset_value({.offset = Offset(9), .metadata = "m", .commit_time = kThen});
  ASSERT_TRUE(key && value);
  const Bytes whole_key(key->view().begin(), key->view().end());
  const Bytes whole_value(value->view().begin(), value->view().end());
  for (size_t cut = 0; cut < whole_key.size(); ++cut) {
    const auto read = read_bytes(Bytes(whole_key.begin(), whole_key.begin() + static_cast<ptrdiff_t>(cut)), whole_value);
    EXPECT_TRUE(!read || std::get_if<OffsetRecord>(&*read) == nullptr) << cut;
  }
  for (size_t cut = 0; cut < whole_value.size(); ++cut) {
    const auto read = read_bytes(whole_key, Bytes(whole_value.begin(), whole_value.begin() + static_cast<ptrdiff_t>(cut)));
    EXPECT_FALSE(read.has_value()) << cut;
  }
}

}  // namespace
}  // namespace weir::coordinator
