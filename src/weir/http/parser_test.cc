#include <gtest/gtest.h>

#include "weir/http/parser.h"

namespace weir::http {
namespace {

constexpr std::string_view kTwoRequests =
    "GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

// Property: however the bytes are cut, pipelined requests come out whole and in order. Fails when leftovers are lost.
TEST(RequestParser, takes_pipelined_requests_cut_anywhere) {
  for (size_t cut = 1; cut < kTwoRequests.size(); ++cut) {
    RequestParser parser(1024, 1024);
    ASSERT_TRUE(parser.feed(kTwoRequests.substr(0, cut)));
    bool fed = false;
    if (!parser.is_complete()) {
      ASSERT_TRUE(parser.feed(kTwoRequests.substr(cut)));
      fed = true;
    }
    ASSERT_TRUE(parser.is_complete()) << cut;
    EXPECT_TRUE(parser.keep_alive());
    const Request first = parser.take();
    EXPECT_EQ(first.path(), "/metrics");
    ASSERT_EQ(first.fields.size(), 1u);
    EXPECT_EQ(first.fields[0].name + "=" + first.fields[0].value, "Host=a");
    if (!fed) ASSERT_TRUE(parser.feed(kTwoRequests.substr(cut)));
    ASSERT_TRUE(parser.is_complete()) << cut;
    EXPECT_FALSE(parser.keep_alive());
    EXPECT_EQ(parser.take().body, "hello");
  }
}

// Property: what is no HTTP, and what is too large, is refused with a status instead of being buffered.
TEST(RequestParser, refuses_garbage_and_excess) {
  RequestParser garbage(1024, 1024);
  EXPECT_FALSE(garbage.feed(std::string_view("\0\0\0\x12garbage\r\n\r\n", 15)));
  EXPECT_EQ(garbage.error_status(), 400);
  RequestParser large(1024, 10);
  EXPECT_FALSE(large.feed("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n"));
  EXPECT_EQ(large.error_status(), 413);
}

}  // namespace
}  // namespace weir::http
