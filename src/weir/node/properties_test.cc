#include "weir/node/properties.h"

#include <gtest/gtest.h>

namespace weir::node {
namespace {

std::vector<Property> parsed(std::string_view text) {
  auto properties = parse_property_lines(text);
  EXPECT_TRUE(properties.has_value()) << (properties ? "" : properties.error().message());
  return properties ? *properties : std::vector<Property>();
}

// Property: every way that java.util.Properties lets one write a setting is read, and each setting knows its line.
// Fails when a separator, a comment or a kind of line end is not understood.
TEST(Properties, separators_comments_and_line_numbers) {
  const std::vector<Property> expected = {{"a", "1", 2}, {"b", "2", 3}, {"c", "3 = x", 5},
                                          {"d", "", 6},  {"e", "", 7},  {"f", "tail ", 8}};
  EXPECT_EQ(parsed("# comment\na=1\r\n  b : 2\r! comment = 1\nc 3 = x\nd=\ne\nf = tail "), expected);
}

// Property: a line that ends in an odd number of backslashes goes on, without the blanks that begin the next one, and keeps
// the number of its first line. Fails when continuation counts backslashes wrongly.
TEST(Properties, continued_lines) {
  const std::vector<Property> expected = {{"listeners", "A://:1,B://:2", 1}, {"path", "C:\\", 3}, {"x", "y", 4}, {"end", "", 5}};
  EXPECT_EQ(parsed("listeners=A://:1,\\\n    B://:2\npath=C:\\\\\nx=y\nend\\"), expected);
}

// Property: escapes mean what Java says, in keys and values. Fails when a \u pair or an escaped separator is cut.
TEST(Properties, escapes) {
  const std::vector<Property> expected = {{"a:b c=d", "\t\n x", 1}, {"u", "\xC3\xA4 \xF0\x9F\x98\x80", 2}};
  EXPECT_EQ(parsed("a\\:b\\ c\\=d = \\t\\n\\ x\nu=\\u00e4 \\ud83d\\ude00"), expected);
}

// Property: a broken escape names its line. Fails when it is passed over or counted from the wrong line.
TEST(Properties, broken_escape_names_its_line) {
  const auto properties = parse_property_lines("a=1\n\nb=\\u12g4\n");
  ASSERT_FALSE(properties.has_value());
  EXPECT_EQ(properties.error().message(), "3: \"\\u12g4\" is not an escape of four hexadecimal digits");
  // Half of a character above U+FFFF, alone or before something that is not its other half.
  for (const char* half : {"a=\\ud83d", "a=\\ude00x", "a=\\ud83d\\u0041"}) EXPECT_FALSE(parse_property_lines(half)) << half;
}

}  // namespace
}  // namespace weir::node
