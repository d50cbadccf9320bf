#include "weir/cli/table.h"

#include <gtest/gtest.h>

#include "weir/cli/text_width.h"

namespace weir::cli {
namespace {

// Property: wide characters take two columns, combining ones none, and a cut never leaves half a character or a wider line.
// Fails when bytes or code points are counted instead of columns.
TEST(Table, columns) {
  EXPECT_EQ(columns_of("clicks"), 6u);
  EXPECT_EQ(columns_of("日本"), 4u);
  EXPECT_EQ(columns_of("e\xcc\x81t\xc3\xa9"), 3u);
  EXPECT_EQ(columns_of("\xff\xfe"), 2u);
  EXPECT_EQ(cut_columns("日本語のトピック", 8), "日本...");
  for (size_t width = 1; width < 20; ++width) EXPECT_LE(columns_of(cut_columns("日本語のトピックです", width)), width);
  EXPECT_EQ(printable("a\x1b[31mb\n\xff"), "a\\x1b[31mb\\n\\xff");
}

// Property: no line of a table is wider than asked, and numbers stay whole while text can give way.
// Fails when a long name pushes the other columns out.
TEST(Table, fits) {
  Table table({"TOPIC", ">PARTITIONS", "STATE"});
  table.add({std::string(200, 'x'), "123456", "ok"});
  table.add({"日本語のトピック", "1", "under-replicated"});
  for (const size_t width : {40, 80, 120, 200}) {
    const std::string text = table.text(width);
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      EXPECT_LE(columns_of(text.substr(at, end - at)), width);
      at = end + 1;
    }
    EXPECT_NE(text.find("123456"), std::string::npos) << width;
  }
  EXPECT_NE(table.text(0).find(std::string(200, 'x')), std::string::npos);
}

}  // namespace
}  // namespace weir::cli
