#include "weir/cli/utf8.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

// Property: exactly what other readers of UTF-8 take is text. Fails when an overlong form or half of a pair passes, and a JSON
// parser refuses what we printed.
TEST(Utf8, takes_what_others_take) {
  for (const char* good : {"", "a", "\xc3\xa4", "\xe6\x97\xa5", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) EXPECT_TRUE(is_text(good)) << good;
  for (const char* wrong : {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xff", "a\xe6\x97"}) {
    EXPECT_FALSE(is_text(wrong));
  }
}

}  // namespace
}  // namespace weir::cli
