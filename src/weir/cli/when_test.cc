#include "weir/cli/when.h"

#include <gtest/gtest.h>

#include "weir/cli/timespan.h"

namespace weir::cli {
namespace {

// Property: points in time come to the right millisecond, in UTC unless a zone says otherwise; what is none is refused.
// Fails when a zone is added instead of taken off, or a day that does not exist is counted on.
TEST(When, points_in_time) {
  const auto ms_of = [](const char* text) -> Result<int64_t> {
    WEIR_TRY(const When when, parse_when("--from", text, 0));
    EXPECT_EQ(when.kind, When::Kind::kTime) << text;
    return when.value;
  };
  EXPECT_EQ(*ms_of("1970-01-02"), 86'400'000);
  EXPECT_EQ(*ms_of("2026-11-28T03:00"), 1'795'834'800'000);
  EXPECT_EQ(*ms_of("2026-11-28 03:00:00Z"), 1'795'834'800'000);
  EXPECT_EQ(*ms_of("2026-11-28T04:00:00.25+01:00"), 1'795'834'800'250);
  EXPECT_EQ(*ms_of("2026-11-27T22:30:00.001-0430"), 1'795'834'800'001);
  EXPECT_EQ(*ms_of("@17"), 17);
  for (const char* wrong : {"", "2026-02-30", "2026-11-28T24:00:00", "2026-11-28T03:00:00+1", "2026-11-28T03:00:00x", "@-1", "@", "yesterday"}) {
    EXPECT_FALSE(ms_of(wrong)) << wrong;
  }
}

// Property: durations in both spellings; M is minutes only behind T. Fails when units are confused.
TEST(When, durations) {
  EXPECT_EQ(*parse_timespan("500ms"), 500);
  EXPECT_EQ(*parse_timespan("2h30m"), 9'000'000);
  EXPECT_EQ(*parse_timespan("1.5d"), 129'600'000);
  EXPECT_EQ(*parse_timespan("P1DT2H"), 93'600'000);
  EXPECT_EQ(*parse_timespan("PT1H30M"), 5'400'000);
  EXPECT_EQ(*parse_timespan("PT0.5S"), 500);
  for (const char* wrong : {"", "5", "h", "P", "PT", "P1M", "-1h", "1y", "1e99d", "2h30"}) EXPECT_FALSE(parse_timespan(wrong)) << wrong;
}

}  // namespace
}  // namespace weir::cli
