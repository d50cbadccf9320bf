#include "weir/client/partitioner.h"

#include <gtest/gtest.h>

namespace weir::client {
namespace {

// Property: the hash is Kafka's. Fails when a key goes to another partition than with the Java producer.
TEST(Partitioner, murmur2_is_the_one_of_the_java_client) {
  const std::pair<std::string_view, int32_t> known[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& [key, hash] : known) EXPECT_EQ(static_cast<int32_t>(murmur2(as_bytes(key))), hash) << key;
}

// Property: a list of brokers is understood, or refused with what is wrong. Fails when a port is lost or nonsense passes.
TEST(Bootstrap, is_parsed) {
  const auto two = parse_bootstrap("a:1,[::1]:2,b");
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(*two, (std::vector<runtime::Endpoint>{{"a", 1}, {"::1", 2}, {"b", 9092}}));
  for (const char* wrong : {"", ",", "a:", ":9092", "a:0", "a:70000", "a:x", "[::1"}) EXPECT_FALSE(parse_bootstrap(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace weir::client
