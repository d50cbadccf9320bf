#include "weir/cli/when.h"

#include <gtest/gtest.h>


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

// Property: a timestamp is printed as it is read; one that is in no calendar is a number. Fails when a record with any timestamp
// makes a date that never was.
TEST(When, printed) {
  EXPECT_EQ(iso_text(1'795'834'800'250), "2026-11-28T03:00:00.250Z");
  EXPECT_EQ(iso_text(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(iso_text(INT64_MAX), "9223372036854775807 ms");
  EXPECT_EQ(iso_text(INT64_MIN), "-9223372036854775808 ms");
}

}  // namespace
}  // namespace weir::cli
