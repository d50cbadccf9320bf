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

}  // namespace
}  // namespace weir::client
