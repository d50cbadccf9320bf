// Bytes that real clients and real Kafka exchanged, captured by tests/golden/capture.py.
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "weir/protocol/describe.h"
#include "weir/protocol/frame.h"
#include "weir/protocol/internal/control_record_type.h"
#include "weir/protocol/metadata_codec.h"
#include "weir/protocol/versioned.h"

namespace weir::protocol {
namespace {

struct GoldenPair {
  std::string client;
  int line = 0;
  int16_t key = 0;
  int16_t version = 0;
  Bytes request;
  Bytes response;  // empty: none was sent
};

Bytes from_hex(const std::string& digits) {
  Bytes bytes;
  if (digits == "-") return bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::vector<GoldenPair> golden_pairs() {
  std::vector<GoldenPair> pairs;
  for (const char* client : {"java", "librdkafka", "franz-go"}) {
    std::ifstream in(std::string(WEIR_SOURCE_DIR "/tests/golden/") + client + ".frames");
    EXPECT_TRUE(in.is_open()) << client;
    std::string row;
    for (int line = 1; std::getline(in, row); ++line) {
      std::istringstream words(row);
      GoldenPair pair{.client = client, .line = line};
      std::string request;
      std::string response;
      words >> pair.key >> pair.version >> request >> response;
      pair.request = from_hex(request);
      pair.response = from_hex(response);
      pairs.push_back(std::move(pair));
    }
  }
  return pairs;
}

const Message* find_message(const std::string& name) {
  for (const Message* message : all_messages()) {
    if (message->name == name) return message;
  }
  return nullptr;
}

// Decodes `body`, which must be used up, encodes it again and expects the same bytes.
void expect_same_bytes(const std::string& name, int16_t version, ByteView body, const std::string& where) {
  const Message* message = find_message(name);
  ASSERT_NE(message, nullptr) << where;
  AnyMessage any(*message);
  const auto read = decode_into(*message, version, body, nullptr, any.instance());
  ASSERT_TRUE(read.has_value()) << where << ": " << read.error().describe();
  EXPECT_EQ(*read, body.size()) << where << " " << name << " v" << version;
  FrameWriter out;
  ASSERT_TRUE(encode_from(*message, version, any.instance(), out).has_value()) << where;
  EXPECT_TRUE(equal(std::move(out).join(), body))
      << where << " " << name << " v" << version << " " << describe(*message->root, any.instance());
}

// Property: every frame of a real client and of a real broker is read to its end, and written again byte for byte. Fails
// when any page or header rule differs from what is really on the wire.
TEST(Golden, real_frames_are_read_and_written_byte_for_byte) {
  std::set<std::pair<int16_t, int16_t>> versions;
  std::set<int16_t> keys;
  const auto pairs = golden_pairs();
  for (const GoldenPair& pair : pairs) {
    const std::string where = fmt::format("{}.frames:{}", pair.client, pair.line);
    const auto head = read_request_head(pair.request);
    ASSERT_TRUE(head.has_value()) << where << ": " << head.error().describe();
    ASSERT_NE(head->api, nullptr) << where;
    ASSERT_EQ(head->api_key, pair.key) << where;
    ASSERT_EQ(head->api_version, pair.version) << where;
    versions.emplace(pair.key, pair.version);
    keys.insert(pair.key);
    FrameWriter header;
    ASSERT_TRUE(begin_request(header, *head->api, pair.version, head->correlation_id, head->client_id)) << where;
    const SharedBytes written = std::move(header).join();
    EXPECT_TRUE(equal(written.view().subspan(kFrameSizeBytes), ByteView(pair.request).first(head->body_at))) << where;
    const std::string name(head->api->name);
    if (!head->version_known()) {
      // A client newer than Kafka 4.3 asks with a version it does not know: the answer is version 0, error 35.
      ASSERT_EQ(head->api->key, ApiKey::kApiVersions) << where;
      int32_t correlation = -1;
      const auto body_at = read_response_head(pair.response, *head->api, pair.version, correlation);
      ASSERT_TRUE(body_at.has_value()) << where;
      expect_same_bytes(name + "Response", 0, ByteView(pair.response).subspan(*body_at), where);
      EXPECT_EQ(load_be<int16_t>(pair.response.data() + *body_at), to_wire(ErrorCode::kUnsupportedVersion)) << where;
      continue;
    }
    expect_same_bytes(name + "Request", pair.version, ByteView(pair.request).subspan(head->body_at), where);
    if (pair.response.empty()) continue;
    int32_t correlation = -1;
    const auto body_at = read_response_head(pair.response, *head->api, pair.version, correlation);
    ASSERT_TRUE(body_at.has_value()) << where;
    EXPECT_EQ(correlation, head->correlation_id) << where;
    expect_same_bytes(name + "Response", pair.version, ByteView(pair.response).subspan(*body_at), where);
  }
  EXPECT_GE(pairs.size(), 100u);
  EXPECT_GE(keys.size(), 45u);
  fmt::print("{} frame pairs of {} APIs in {} versions\n", pairs.size(), keys.size(), versions.size());
}

// The message of `kind` and `type` for records of `topic`, or of a control record.
const Message* internal_message(std::string_view topic, MessageKind kind, int16_t type) {
  for (const Message* message : all_messages()) {
    if (message->kind != kind || message->key != type || !message->page.starts_with("records/internal/")) continue;
    const bool of_transactions = message->name.starts_with("TransactionLog");
    const bool of_share_state = message->name.starts_with("ShareSnapshot") || message->name.starts_with("ShareUpdate");
    if ((topic == "__transaction_state") == of_transactions && (topic == "__share_group_state") == of_share_state) return message;
  }
  return nullptr;
}

void expect_same_control(ByteView key, ByteView value, const std::string& where) {
  constexpr std::string_view kBodies[] = {"EndTxnMarker",         "EndTxnMarker",         "LeaderChangeMessage",
                                          "SnapshotHeaderRecord", "SnapshotFooterRecord", "KRaftVersionRecord",
                                          "VotersRecord"};
  const auto kind = decode_value<ControlRecordTypeSchema>(key);
  ASSERT_TRUE(kind.has_value() && static_cast<size_t>(kind->type) < std::size(kBodies)) << where;
  const auto version = leading_number(value);
  ASSERT_TRUE(version.has_value()) << where;
  // A transaction's marker has its version before the body; the quorum's own records have it as their first field.
  const bool marker = kind->type <= 1;
  expect_same_bytes(std::string(kBodies[kind->type]), *version, marker ? value.subspan(sizeof *version) : value, where);
}

void expect_same_metadata(ByteView value, const std::string& where) {
  const auto record = decode_metadata_record(value);
  ASSERT_TRUE(record.has_value()) << where << ": " << record.error().describe();
  const auto version = static_cast<int16_t>(value[2]);  // all varints before the body are below 128 here
  const auto again = encode_metadata_record(*record, version);
  ASSERT_TRUE(again.has_value()) << where;
  EXPECT_TRUE(equal(*again, value)) << where << " " << describe(*record);
}

// Property: what real Kafka writes into its own topics is read to the end and written again byte for byte.
TEST(Golden, real_records_are_read_and_written_byte_for_byte) {
  std::ifstream in(WEIR_SOURCE_DIR "/tests/golden/kafka.records");
  ASSERT_TRUE(in.is_open());
  std::string row;
  int line = 0;
  while (std::getline(in, row)) {
    const std::string where = fmt::format("kafka.records:{}", ++line);
    std::istringstream words(row);
    std::string topic, control, key_hex, value_hex;
    words >> topic >> control >> key_hex >> value_hex;
    const Bytes key = from_hex(key_hex);
    const Bytes value = from_hex(value_hex);
    if (control == "control") {
      expect_same_control(key, value, where);
    } else if (topic == "__cluster_metadata") {
      expect_same_metadata(value, where);
    } else {
      const auto type = leading_number(key);
      ASSERT_TRUE(type.has_value()) << where;
      const Message* key_message = internal_message(topic, MessageKind::kKey, *type);
      const Message* value_message = internal_message(topic, MessageKind::kValue, *type);
      ASSERT_TRUE(key_message != nullptr && value_message != nullptr) << where;
      expect_same_bytes(std::string(key_message->name), 0, ByteView(key).subspan(sizeof *type), where);
      if (value.empty()) continue;  // a tombstone
      const auto version = leading_number(value);
      ASSERT_TRUE(version.has_value()) << where;
      expect_same_bytes(std::string(value_message->name), *version, ByteView(value).subspan(sizeof *version), where);
    }
  }
  EXPECT_GE(line, 50);
}

}  // namespace
}  // namespace weir::protocol
