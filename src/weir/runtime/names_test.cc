// Addresses and paths as text.
#include <gtest/gtest.h>

#include "weir/runtime/disk.h"
#include "weir/runtime/network.h"

namespace weir::runtime {
namespace {

// Property: host and port come apart, IPv6 too, and nothing else passes. Fails when a half address is taken.
TEST(Endpoint, is_read_from_text) {
  for (const Endpoint& endpoint : {Endpoint{"localhost", 9092}, Endpoint{"::1", 9092}, Endpoint{"", 9092}, Endpoint{"10.0.0.1", 0}}) {
    EXPECT_EQ(Endpoint::parse(endpoint.text()), endpoint) << endpoint.text();
  }
  for (const char* text : {"", "host", "host:", "host:x", "host:65536", "::1:9092", "[::1]9092", "[::1", "a b:1", "a/b:1", "host:-1"}) {
    EXPECT_FALSE(Endpoint::parse(text).has_value()) << text;
  }
}

// Property: the parent is a path that can be opened, also at the root and of a bare name. Fails when it comes out empty.
TEST(Path, has_a_parent) {
  EXPECT_EQ(parent_directory("/data/logs/topic-0"), "/data/logs");
  EXPECT_EQ(parent_directory("/data"), "/");
  EXPECT_EQ(parent_directory("data/logs"), "data");
  EXPECT_EQ(parent_directory("data"), ".");
}

}  // namespace
}  // namespace weir::runtime
