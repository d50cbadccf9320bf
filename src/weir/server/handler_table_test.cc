#include "weir/server/handler_table.h"

#include <gtest/gtest.h>

#include "weir/protocol/frame.h"
#include "weir/server/pipeline.h"

namespace weir::server {
namespace {

// Property: what is announced are versions that Kafka calls stable, and a key that no API has finds nothing. Fails when served.txt
// names a version that clients must not see yet, or the table is read outside its bounds.
TEST(HandlerTable, serves_stable_versions_only) {
  for (const protocol::ApiInfo& api : protocol::kApis) {
    if (api.served.empty()) continue;
    EXPECT_TRUE(api.stable.has(api.served.first) && api.stable.has(api.served.last)) << api.name;
  }
  EXPECT_EQ(find_handler(-1), nullptr);
  EXPECT_EQ(find_handler(static_cast<int16_t>(protocol::kApiKeysEnd)), nullptr);
  EXPECT_EQ(find_handler(INT16_MAX), nullptr);
}

SharedBytes frame_of(int16_t key, int16_t version) {
  protocol::FrameWriter out;
  out.integer(key);
  out.integer(version);
  out.integer(int32_t{77});
  out.integer(int16_t{-1});  // client id: null
  out.unsigned_varint(0);    // tags of a flexible header; trailing bytes elsewhere
  return std::move(out).join();
}

// Property: an unknown API or version closes the connection, except ApiVersions of the future, which is taken as version 0.
TEST(Pipeline, closes_on_what_it_does_not_know_except_api_versions) {
  const ListenerOptions listener;
  EXPECT_EQ(read_request(frame_of(4, 0), listener).error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(read_request(frame_of(999, 0), listener).error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(read_request(frame_of(0, 2), listener).error().code(), ErrorCode::kUnsupportedVersion);
  const Result<Request> future = read_request(frame_of(18, 99), listener);
  ASSERT_TRUE(future);
  EXPECT_TRUE(future->info.is_version_unknown);
  EXPECT_EQ(future->info.version, 0);
  EXPECT_EQ(future->correlation_id, 77);
}

// Property: a frame shorter than a header is refused, at every length.
TEST(Pipeline, refuses_short_frames) {
  const ListenerOptions listener;
  const SharedBytes frame = frame_of(3, 1);
  const SharedBytes whole = frame.slice(0, frame.size() - 1);
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(read_request(whole.slice(0, size), listener)) << size;
}

}  // namespace
}  // namespace weir::server
