#include "weir/coordinator/offsets_log.h"

#include <fmt/format.h>

#include "weir/base/reader.h"
#include "weir/protocol/internal/legacy_offset_commit.h"
#include "weir/protocol/internal/offset_commit.h"
#include "weir/protocol/versioned.h"

namespace weir::coordinator {
namespace {

constexpr int16_t kGroupValueVersion = 3;
constexpr int16_t kVersionWithExpiry = 1;
constexpr int16_t kVersionWithEpoch = 3;
constexpr int16_t kVersionWithTopicId = 4;

int16_t version_for(const CommittedOffset& committed) {
  if (committed.expire_time != kNoTimestamp) return kVersionWithExpiry;
  return committed.topic_id.is_zero() ? kVersionWithEpoch : kVersionWithTopicId;
}

std::unexpected<Error> corrupt(const record::Record& record, const Error& why) {
  return fail(ErrorCode::kCorruptMessage, fmt::format("record {}: {}", record.offset, why.describe()));
}

// Nothing when the version is not known.
template <typename Message>
Result<std::optional<Message>> read_value(ByteView bytes) {
  auto message = protocol::decode_value<Message>(bytes);
  if (!message && message.error().code() == ErrorCode::kUnsupportedVersion) return std::nullopt;
  if (!message) return fail(message.error());
  return std::move(*message);
}

Result<LoggedRecord> read_offset(const record::Record& record, ByteView key) {
  const auto decoded = protocol::decode<protocol::OffsetCommitKey>(key, 0);
  if (!decoded) return corrupt(record, decoded.error());
  OffsetRecord read{.group = decoded->group, .change = {{decoded->topic, decoded->partition}, std::nullopt}};
  if (!record.value) return read;
  const auto value = read_value<protocol::OffsetCommitValue>(*record.value);
  if (!value) return corrupt(record, value.error());
  if (!*value) return UnknownRecord{"an offset of a later version"};
  read.change.value = CommittedOffset{.offset = (*value)->offset,
                                      .leader_epoch = (*value)->leader_epoch,
                                      .metadata = (*value)->metadata,
                                      .commit_time = (*value)->commit_timestamp,
                                      .expire_time = (*value)->expire_timestamp,
                                      .topic_id = (*value)->topic_id};
  return read;
}

Result<LoggedRecord> read_group(const record::Record& record, ByteView key) {
  const auto decoded = protocol::decode<protocol::GroupMetadataKey>(key, 0);
  if (!decoded) return corrupt(record, decoded.error());
  GroupRecord read{.group = decoded->group, .value = std::nullopt};
  if (!record.value) return read;
  auto value = read_value<protocol::GroupMetadataValue>(*record.value);
  if (!value) return corrupt(record, value.error());
  if (!*value) return UnknownRecord{"a group of a later version"};
  read.value = std::move(*value);
  return read;
}

}  // namespace

Result<LoggedRecord> read_record(const record::Record& record) {
  if (!record.key) return UnknownRecord{"a record without a key"};
  Reader reader(*record.key);
  const int16_t type = reader.i16();
  if (reader.failed()) return corrupt(record, Error(ErrorCode::kCorruptMessage, "a key without a type"));
  switch (type) {
    case protocol::LegacyOffsetCommitKey::kType:  // the same layout by an older number
    case protocol::OffsetCommitKey::kType: return read_offset(record, reader.rest());
    case protocol::GroupMetadataKey::kType: return read_group(record, reader.rest());
    default: return UnknownRecord{fmt::format("record type {}", type)};
  }
}

Result<SharedBytes> offset_key(const std::string& group, const OffsetPlace& place) {
  return protocol::encode_key(protocol::OffsetCommitKey{.group = group, .topic = place.topic, .partition = place.partition});
}

Result<SharedBytes> offset_value(const CommittedOffset& committed) {
  const int16_t version = version_for(committed);
  protocol::OffsetCommitValue value;
  value.offset = committed.offset;
  value.leader_epoch = committed.leader_epoch;
  value.metadata = committed.metadata;
  value.commit_timestamp = committed.commit_time;
  value.expire_timestamp = committed.expire_time;
  value.topic_id = committed.topic_id;
  return protocol::encode_value(value, version);
}

Result<void> OffsetsBatch::add(const std::string& group, const OffsetChange& change) {
  WEIR_TRY(const SharedBytes key, offset_key(group, change.place));
  if (!change.value) {
    builder_.add(now_, key.view(), std::nullopt);
    return {};
  }
  WEIR_TRY(const SharedBytes value, offset_value(*change.value));
  builder_.add(now_, key.view(), value.view());
  return {};
}

Result<void> OffsetsBatch::add(const std::string& group, const protocol::GroupMetadataValue* value) {
  WEIR_TRY(const SharedBytes key, protocol::encode_key(protocol::GroupMetadataKey{.group = group}));
  if (value == nullptr) {
    builder_.add(now_, key.view(), std::nullopt);
    return {};
  }
  WEIR_TRY(const SharedBytes bytes, protocol::encode_value(*value, kGroupValueVersion));
  builder_.add(now_, key.view(), bytes.view());
  return {};
}

Result<SharedBytes> OffsetsBatch::build(codec::Codecs& codecs) && {
  WEIR_TRY(const Bytes built, std::move(builder_).build(codecs));
  return SharedBytes::copy_of(built);
}

}  // namespace weir::coordinator
