#include "weir/codec/json.h"

#include <gtest/gtest.h>

namespace weir::codec {
namespace {

// Property: what is read and written again is the same text without its spaces, numbers digit by digit. Fails when a number goes
// through a double, and somebody's 20-digit id comes out as another.
TEST(Json, there_and_back) {
  for (const char* text : {"null", "true", "[]", "{}", "0", "-0", "1.0", "1.50", "1E5", "-1e-7", "12345678901234567890123", "18446744073709551615",
                           "3.141592653589793238462643", "{\"a\":[1,{\"b\":null},\"\\n\\\"\"],\"c\":false,\"\":2.0}"}) {
    const auto value = parse_json(text);
    ASSERT_TRUE(value.has_value()) << text << ": " << value.error().describe();
    EXPECT_EQ(json_text_of(*value), text);
  }
  EXPECT_EQ(json_text_of(*parse_json(" { \"a\" : [ 1 , 2 ] } \n")), "{\"a\":[1,2]}");
}

// Property: whole numbers are those without a fraction that fit; of two fields of one name the last counts; what is no JSON is
// refused. Fails when a cut line passes for a whole one.
TEST(Json, numbers_fields_and_mistakes) {
  const auto value = parse_json("{\"a\":9223372036854775807,\"b\":9223372036854775808,\"c\":5.0,\"a\":-1}");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->field("a")->whole, -1);
  EXPECT_EQ(value->field("b")->whole, std::nullopt);
  EXPECT_EQ(value->field("c")->whole, std::nullopt);
  EXPECT_EQ(value->field("d"), nullptr);
  for (const char* wrong : {"", " ", "{", "[1,", "{\"a\":1", "1 2", "{\"a\" 1}", "\"a", "nul", "01", "[1]x"}) EXPECT_FALSE(parse_json(wrong)) << wrong;
  EXPECT_FALSE(parse_json(std::string(10'000, '[')));
}

}  // namespace
}  // namespace weir::codec
