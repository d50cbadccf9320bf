#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/protocol/api_versions.h"
#include "weir/protocol/describe.h"
#include "weir/protocol/fetch.h"
#include "weir/protocol/frame.h"
#include "weir/protocol/internal/offset_commit.h"
#include "weir/protocol/metadata.h"
#include "weir/protocol/metadata_codec.h"
#include "weir/protocol/produce.h"
#include "weir/protocol/sasl_authenticate.h"
#include "weir/protocol/versioned.h"

namespace weir::protocol {
namespace {

using testing::HasSubstr;

Bytes hex(std::string_view digits) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  return bytes;
}

// Property: a request's bytes lie where Kafka's protocol puts them; the client id stays a plain string in header 2.
// Fails when header versions, compact strings or tag sections are misplaced.
TEST(Frame, reads_an_api_versions_request_byte_by_byte) {
  // key 18, version 4, correlation 7, client "c" (int16 length), no tags; name "x", version "1", no tags
  const Bytes frame =
      hex("0012"
          "0004"
          "00000007"
          "000163"
          "00"
          "0278"
          "0231"
          "00");
  const auto head = read_request_head(frame);
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->api->key, ApiKey::kApiVersions);
  EXPECT_EQ(head->correlation_id, 7);
  EXPECT_EQ(head->client_id, "c");
  const auto request = decode<ApiVersionsRequest>(ByteView(frame).subspan(head->body_at), head->api_version);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->client_software_name, "x");
}

// Property: an unknown key or version is still a readable head, so that the server can say so.
TEST(Frame, unknown_keys_and_versions_have_a_head) {
  const auto unknown = read_request_head(hex("270f000000000001"));
  ASSERT_TRUE(unknown.has_value());
  EXPECT_EQ(unknown->api, nullptr);
  EXPECT_FALSE(unknown->version_known());
  const auto future =
      read_request_head(hex("0012"
                            "0063"
                            "00000001"
                            "ffff"
                            "00"));
  ASSERT_TRUE(future.has_value());
  EXPECT_FALSE(future->version_known());
  EXPECT_EQ(read_request_head(hex("0012")).error().code(), ErrorCode::kMalformedFrame);
}

// Property: ApiVersions answers keep response header 0 in flexible versions; others get header 1.
TEST(Frame, api_versions_answers_have_the_oldest_header) {
  EXPECT_EQ(response_header_version(api_info(ApiKey::kApiVersions), 4), 0);
  EXPECT_EQ(response_header_version(api_info(ApiKey::kMetadata), 12), 1);
  EXPECT_EQ(response_header_version(api_info(ApiKey::kMetadata), 8), 0);
  EXPECT_EQ(response_header_version(api_info(ApiKey::kSaslHandshake), 1), 0);
}

// Property: a client id that no header can hold is an error of the request that names it. Fails when a long --client-id ends the
// program.
TEST(Frame, a_client_id_that_is_too_long_is_refused) {
  const auto frame = request_frame(ApiVersionsRequest(), 4, 1, std::string(40'000, 'c'));
  ASSERT_FALSE(frame.has_value());
  EXPECT_EQ(frame.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(frame.error().message(), HasSubstr("client_id"));
}

// Property: records in a response are passed on, not copied, and the frame is the same as when flattened.
TEST(Frame, fetched_records_are_shared) {
  const SharedBytes records = SharedBytes::copy_of(Bytes(2000, std::byte{7}));
  FetchResponse response;
  auto& partition =
      response.responses.emplace_back(FetchResponse::FetchableTopicResponse{.topic = "t"}).partitions.emplace_back();
  partition.records.add(records);
  partition.records.add(records.slice(0, 700));
  const auto frame = response_frame(response, 11, 5);
  ASSERT_TRUE(frame.has_value());
  ASSERT_EQ(frame->size(), 3u);
  EXPECT_EQ((*frame)[1].data(), records.data());
  EXPECT_EQ((*frame)[2].size(), 700u);
  size_t total = 0;
  Bytes flat;
  for (const SharedBytes& slice : *frame) {
    total += slice.size();
    flat.insert(flat.end(), slice.view().begin(), slice.view().end());
  }
  EXPECT_EQ(load_be<int32_t>(flat.data()), static_cast<int32_t>(total - 4));
  int32_t correlation = 0;
  const auto body_at = read_response_head(ByteView(flat).subspan(4), api_info(ApiKey::kFetch), 11, correlation);
  ASSERT_TRUE(body_at.has_value());
  EXPECT_EQ(correlation, 5);
  const auto copy = decode<FetchResponse>(ByteView(flat).subspan(4 + *body_at), 11);
  ASSERT_TRUE(copy.has_value());
  EXPECT_EQ(*copy, response);
}

// Property: a request's records are slices of the frame and keep it alive.
TEST(Frame, produced_records_are_slices_of_the_frame) {
  ProduceRequest request;
  request.topic_data.emplace_back(ProduceRequest::TopicProduceData{.name = "t"}).partition_data.emplace_back().records =
      Records(SharedBytes::copy_of(Bytes(600, std::byte{1})));
  FrameWriter out;
  ASSERT_TRUE(encode(out, request, 9).has_value());
  SharedBytes body = std::move(out).join();
  const std::byte* begin = body.data();
  const size_t size = body.size();
  auto copy = decode<ProduceRequest>(body, 9);
  ASSERT_TRUE(copy.has_value());
  body = SharedBytes();
  const SharedBytes& slice = copy->topic_data[0].partition_data[0].records.slice(0);
  EXPECT_TRUE(slice.data() > begin && slice.data() + slice.size() <= begin + size);
  EXPECT_EQ(*copy, request);
}

// Property: an error says which field is wrong and where.
TEST(Malformed, the_error_names_the_field) {
  // Metadata v0: a list of two topics, of which the second's name claims 99 bytes.
  const auto request = decode<MetadataRequest>(ByteView(hex("00000002"
                                                            "000161"
                                                            "0063"
                                                            "62")),
                                               0);
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().message(), "MetadataRequest v0: topics[1].name: 99 bytes cannot lie in 1, at byte 7");
  const auto endless = decode<MetadataRequest>(ByteView(hex("7fffffff")), 0);
  EXPECT_THAT(endless.error().message(), HasSubstr("topics: a list of 2147483647 cannot lie in 0 bytes"));
  EXPECT_EQ(decode<MetadataRequest>(ByteView(), 99).error().code(), ErrorCode::kUnsupportedVersion);
}

// Property: a null where the version has none is refused on both ways.
TEST(Malformed, null_needs_a_nullable_version) {
  EXPECT_THAT(decode<MetadataRequest>(ByteView(hex("ffffffff")), 0).error().message(),
              HasSubstr("topics: is null but may not be"));
  EXPECT_TRUE(decode<MetadataRequest>(ByteView(hex("ffffffff")), 1).has_value());
  MetadataRequest request;
  request.topics.reset();
  FrameWriter out;
  EXPECT_EQ(encode(out, request, 0).error().code(), ErrorCode::kInvalidArgument);
}

// Property: a value without a place in the version is dropped only where the page says so.
TEST(Encode, values_without_a_place_are_not_lost_silently) {
  FetchRequest request;
  request.rack_id = "r1";  // ignorable
  FrameWriter out;
  EXPECT_TRUE(encode(out, request, 4).has_value());
  request.forgotten_topics_data.emplace_back();  // not ignorable
  const auto refused = encode(out, request, 4);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_THAT(refused.error().message(), HasSubstr("forgotten_topics_data"));
}

// Property: unknown tagged fields are skipped, known ones must take exactly their size.
TEST(Decode, tagged_fields_are_bounded) {
  EXPECT_TRUE(decode<ApiVersionsRequest>(ByteView(hex("0278"
                                                      "0231"
                                                      "01"
                                                      "0902abcd")),
                                         3)
                  .has_value());
  EXPECT_FALSE(decode<ApiVersionsRequest>(ByteView(hex("0278"
                                                       "0231"
                                                       "01"
                                                       "0903abcd")),
                                          3)
                   .has_value());
  // ApiVersionsResponse v3: finalized_features_epoch (tag 1) claims 9 bytes.
  const auto wrong = decode<ApiVersionsResponse>(ByteView(hex("0000"
                                                              "01"
                                                              "00000000"
                                                              "01"
                                                              "0109"
                                                              "000000000000000500")),
                                                 3);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().message(), HasSubstr("finalized_features_epoch: takes 8 bytes, its tag says 9"));
}

// Property: secrets never reach a log.
TEST(Describe, hides_secrets) {
  SaslAuthenticateRequest request{.auth_bytes = SharedBytes::copy_of(as_bytes("password"))};
  EXPECT_EQ(describe(request), "{auth_bytes=***}");
}

// Property: metadata records carry frame version, type and version, as Kafka's own tools read them.
TEST(MetadataRecords, have_their_head) {
  const auto bytes = encode_metadata_record(TopicRecord{.name = "t", .topic_id = {1, 2}}, 0);
  ASSERT_TRUE(bytes.has_value());
  EXPECT_TRUE(equal(*bytes, hex("01"
                                "02"
                                "00"
                                "0274"
                                "0000000000000001"
                                "0000000000000002"
                                "00")));
  const auto record = decode_metadata_record(*bytes);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(std::get<TopicRecord>(*record).name, "t");
  EXPECT_EQ(describe(*record), "TopicRecord {name=t, topic_id=AAAAAAAAAAEAAAAAAAAAAg}");
  EXPECT_EQ(decode_metadata_record(hex("011e00")).error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(decode_metadata_record(hex("020200")).error().code(), ErrorCode::kUnsupportedVersion);
}

// Property: keys and values of internal topics begin with type and version.
TEST(InternalRecords, have_their_number) {
  const auto key = encode_key(OffsetCommitKey{.group = "g", .topic = "t", .partition = PartitionIndex(3)});
  ASSERT_TRUE(key.has_value());
  EXPECT_TRUE(equal(*key, hex("0001"
                              "000167"
                              "000174"
                              "00000003")));
  EXPECT_EQ(decode_key<OffsetCommitKey>(*key)->partition, PartitionIndex(3));
  const auto value = encode_value(OffsetCommitValue{.offset = Offset(9)}, 4);
  EXPECT_EQ(leading_number(*value), 4);
  EXPECT_EQ(decode_value<OffsetCommitValue>(*value)->offset, Offset(9));
}

}  // namespace
}  // namespace weir::protocol
