#include "weir/client/bootstrap.h"

#include <gtest/gtest.h>

namespace weir::client {
namespace {

// Property: a list of brokers is understood, or refused with what is wrong. Fails when a port is lost or nonsense passes.
TEST(Bootstrap, is_parsed) {
  const auto two = parse_bootstrap("a:1,[::1]:2,b");
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(*two, (std::vector<runtime::Endpoint>{{"a", 1}, {"::1", 2}, {"b", 9092}}));
  for (const char* wrong : {"", ",", "a:", ":9092", "a:0", "a:70000", "a:x", "[::1"}) EXPECT_FALSE(parse_bootstrap(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace weir::client
