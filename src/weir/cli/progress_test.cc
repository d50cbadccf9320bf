#include "weir/cli/progress.h"

#include <gtest/gtest.h>

#include "weir/cli/text_width.h"

namespace weir::cli {
namespace {

// Property: a line of progress fits, and says how much of how much. Fails when the bar takes the room of the numbers.
TEST(Progress, fits) {
  for (const size_t width : {20, 40, 80, 200}) {
    const std::string text = progress_text({.what = "backup", .done = 512 << 20, .total = 1 << 30, .counts_bytes = true, .elapsed = 4s}, width);
    EXPECT_LE(columns_of(text), width) << text;
    if (width >= 80) EXPECT_NE(text.find("50 %"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace weir::cli
