#include "weir/server/refusal_log.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weir::server {
namespace {

struct Lines final : LogSink {
  void write(LogLevel, std::string_view, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

// Property: of any number of refusals in an interval kLinesMax are said, then how many more there were; the next interval begins
// anew. Fails when hostile clients can fill a disk with lines, or their number is lost.
TEST(RefusalLog, says_some_and_counts_the_rest) {
  Lines sink;
  RefusalLog log(Logger(sink, "server"));
  const MonoTime start{0};
  for (int i = 0; i < 1000; ++i) log.say(start + 1ms * i, "refused");
  EXPECT_EQ(sink.lines.size(), RefusalLog::kLinesMax);
  log.settle(start + (RefusalLog::kInterval - 1ns));
  EXPECT_EQ(sink.lines.size(), RefusalLog::kLinesMax);
  log.settle(start + RefusalLog::kInterval);
  ASSERT_EQ(sink.lines.size(), RefusalLog::kLinesMax + 1);
  EXPECT_TRUE(sink.lines.back().starts_with("980 more")) << sink.lines.back();
  log.say(start + RefusalLog::kInterval, "again");
  EXPECT_EQ(sink.lines.back(), "again");
  log.settle(start + 3 * RefusalLog::kInterval);
  EXPECT_EQ(sink.lines.back(), "again");
}

}  // namespace
}  // namespace weir::server
