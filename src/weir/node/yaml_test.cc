#include "weir/node/yaml.h"

#include <gtest/gtest.h>

#include "weir/node/config.h"

namespace weir::node {
namespace {

std::string error_of_yaml(std::string_view text) {
  const auto parsed = parse_yaml_lines(text);
  return parsed ? "" : parsed.error().message();
}

// Property: nested, half nested and flat keys come to the same names; lists become commas; each value knows its line.
TEST(Yaml, becomes_properties) {
  const auto parsed = parse_yaml_lines(
      "# a comment\n"
      "node.id: 7\n"
      "log:\n"
      "  dirs: [/a, /b]\n"
      "  retention.hours: '24'\n"
      "  flush:\n"
      "    interval.ms: 5\n"
      "listeners:\n"
      "  - PLAINTEXT://:9092\n"
      "  - CONTROLLER://:9093\n"
      "broker.rack:\n");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
  const std::vector<Property> expected = {{"node.id", "7", 2},
                                          {"log.dirs", "/a,/b", 4},
                                          {"log.retention.hours", "24", 5},
                                          {"log.flush.interval.ms", "5", 7},
                                          {"listeners", "PLAINTEXT://:9092,CONTROLLER://:9093", 9}};
  ASSERT_EQ(parsed->size(), expected.size() + 1);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ((*parsed)[i], expected[i]) << (*parsed)[i].key << " line " << (*parsed)[i].line;
  EXPECT_EQ(parsed->back().key, "broker.rack");
  EXPECT_EQ(parsed->back().value, "");
}

// Property: what is no configuration is refused with its line, never by an exception, and small files cannot grow without bound.
TEST(Yaml, refuses_with_the_line) {
  EXPECT_EQ(error_of_yaml(""), "");
  EXPECT_EQ(error_of_yaml("# nothing\n"), "");
  EXPECT_EQ(error_of_yaml("a: 1\nb: [1, {c: 2}]\n").substr(0, 3), "2: ");
  EXPECT_EQ(error_of_yaml("a: 1\n  b: 2\n").substr(0, 3), "2: ");
  EXPECT_EQ(error_of_yaml("- a\n- b\n").substr(0, 3), "1: ");
  EXPECT_EQ(error_of_yaml("a: 1\n---\nb: 2\n").substr(1, 2), ": ");
  EXPECT_EQ(error_of_yaml("a: 1\n---\nb: 2\n---\nc: 3\n").substr(1, 2), ": ");
  EXPECT_EQ(error_of_yaml(",").substr(0, 3), "1: ");   // the parser, asked for all documents, finds them without end
  EXPECT_NE(error_of_yaml("a: 1\n, b\n"), "");
  EXPECT_NE(error_of_yaml("a: [never, closed\n"), "");
  EXPECT_NE(error_of_yaml(std::string(5000, '[')), "");
  std::string bomb = "a: &x0 {k: v}\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("b{0}: &x{0} {{", i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}k{}: *x{}", j == 0 ? "" : ", ", j, i - 1);
    bomb += "}\n";
  }
  EXPECT_NE(error_of_yaml(bomb).find("more than 10000 settings"), std::string::npos);
}

// Property: a YAML file goes through the same table as a properties file: wrong values name file and line.
TEST(Yaml, is_a_configuration_like_any) {
  ConfigInput input;
  input.working_dir = input.default_data_dir = "/w";
  input.host_name = "h";
  input.file = ConfigFile{"server.yaml", "log:\n  retention:\n    hours: 7d\n", true};
  const auto wrong = configure(input);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().front().substr(0, 15), "server.yaml:3: ");
  EXPECT_NE(wrong.error().front().find("did you mean log.retention.hours = 168 ?"), std::string::npos) << wrong.error().front();
  input.file = ConfigFile{"server.yaml", "log:\n  dirs: [/a, /b]\nweir: {http: {listener: ''}}\n", true};
  const auto good = configure(input);
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->options.logs.dirs, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_FALSE(good->options.http.has_value());
}

}  // namespace
}  // namespace weir::node
