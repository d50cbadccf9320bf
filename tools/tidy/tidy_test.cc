#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules.h"

namespace weir::tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kRows = "# rows\nbase:\nruntime: base\nstorage: runtime\nserver: storage\n";

Tree tree_of(std::initializer_list<std::pair<std::string, std::string_view>> files) {
  Tree tree;
  tree.add("src/weir/FLOORS", kRows);
  for (const auto& [path, text] : files) tree.add(path, text);
  return tree;
}

Floors floors_of(const Tree& tree) {
  std::vector<Finding> findings;
  Floors floors = Floors::parse(*tree.find("src/weir/FLOORS"), findings);
  EXPECT_THAT(findings, IsEmpty());
  return floors;
}

// "path:line" of each finding, so that a test reads as a list of places.
std::vector<std::string> places(const std::vector<Finding>& findings) {
  std::vector<std::string> out;
  for (const Finding& f : findings) out.push_back(f.path + ":" + std::to_string(f.line));
  return out;
}

template <typename Check>
std::vector<std::string> places_of(const Tree& tree, Check check) {
  std::vector<Finding> findings;
  check(tree, findings);
  return places(findings);
}

std::vector<std::string> floor_places(const Tree& tree) {
  std::vector<Finding> findings;
  check_floors(tree, floors_of(tree), findings);
  return places(findings);
}

std::vector<std::string> document_places(const Tree& tree) {
  std::vector<Finding> findings;
  check_documents(tree, floors_of(tree), findings);
  return places(findings);
}

// Property: comments and literals vanish, columns and line breaks stay. Fails when a quote inside a comment opens a
// literal, a digit separator opens a character, or a raw string ends at its first quote.
TEST(Blank, keeps_code_and_columns) {
  EXPECT_EQ(blank_comments_and_literals("a // \"x\nb"), "a      \nb");
  EXPECT_EQ(blank_comments_and_literals("f(\"//\") + 1'000;"), "f(    ) + 1'000;");
  EXPECT_EQ(blank_comments_and_literals("'\"' x /* y */ z"), "    x         z");
  EXPECT_EQ(blank_comments_and_literals("R\"(a\"b)\" c"), "R        c");
  EXPECT_EQ(blank_comments_and_literals("\"a\\\"b\" c"), "       c");
}

// Property: a word is found only whole. Fails when `my_rand` or `rando` counts as `rand`.
TEST(Words, are_whole) {
  EXPECT_EQ(find_word("rand", "rand"), 0u);
  EXPECT_EQ(find_word("my_rand rando rand(", "rand"), 14u);
  EXPECT_EQ(find_word("std::threads", "std::thread"), std::string_view::npos);
}

// Property: floors are closed transitively, and only downward.
TEST(FloorsRule, allows_what_lies_below_and_nothing_else) {
  const Tree tree = tree_of({});
  const Floors floors = floors_of(tree);
  EXPECT_TRUE(floors.may_include("server", "base"));
  EXPECT_TRUE(floors.may_include("base", "base"));
  EXPECT_FALSE(floors.may_include("base", "runtime"));
  EXPECT_FALSE(floors.may_include("storage", "server"));
}

// Property: a row that stands on a later or unknown row is reported, so that a cycle cannot be written.
TEST(FloorsRule, refuses_cycles) {
  Tree tree;
  tree.add("src/weir/FLOORS", "a: b\nb: a\n");
  std::vector<Finding> findings;
  Floors::parse(*tree.find("src/weir/FLOORS"), findings);
  EXPECT_THAT(places(findings), ElementsAre("src/weir/FLOORS:1"));
}

// Property: an upward include, a module without a row and an include not written from src/ are each reported.
TEST(FloorsRule, reports_each_bad_include) {
  EXPECT_THAT(floor_places(tree_of({{"src/weir/storage/log.cc", "#include \"weir/base/error.h\"\n#include \"weir/server/x.h\"\n"},
                                    {"src/weir/storage/near.cc", "#include \"log.h\"\n"},
                                    {"src/weir/attic/x.cc", "int x;\n"}})),
              ElementsAre("src/weir/attic/x.cc:1", "src/weir/storage/log.cc:2", "src/weir/storage/near.cc:1"));
}

// Property: heavy headers are kept out of our headers, but a source file may sort with <functional>.
TEST(IncludeRule, keeps_headers_light) {
  EXPECT_THAT(places_of(tree_of({{"src/weir/base/a.h", "#include <string>\n#include <functional>\n#  include <ranges>\n"},
                                 {"src/weir/base/a.cc", "#include <functional>\n#include <iostream>\n"}}),
                        check_includes),
              ElementsAre("src/weir/base/a.cc:2", "src/weir/base/a.h:2", "src/weir/base/a.h:3"));
}

// Property: only runtime/real, cli and tests see the system's headers; `runtime` itself is not `runtime/real`.
TEST(IncludeRule, keeps_the_system_behind_the_seams) {
  EXPECT_THAT(places_of(tree_of({{"src/weir/runtime/real/disk.cc", "#include <fcntl.h>\n#include <boost/asio.hpp>\n"},
                                 {"src/weir/runtime/disk.cc", "#include <fcntl.h>\n"},
                                 {"src/weir/storage/log_test.cc", "#include <unistd.h>\n"},
                                 {"src/weir/storage/log.cc", "#include <sys/mman.h>\n#include <mutex>\n"}}),
                        check_includes),
              ElementsAre("src/weir/runtime/disk.cc:1", "src/weir/storage/log.cc:1", "src/weir/storage/log.cc:2"));
}

// Property: a library stays in its fence, and an unknown one is reported wherever it is.
TEST(IncludeRule, fences_third_party_headers) {
  EXPECT_THAT(places_of(tree_of({{"src/weir/codec/lz4.cc", "#include <lz4frame.h>\n"},
                                 {"src/weir/base/crc32c.cc", "#include <isa-l/crc.h>\n"},
                                 {"src/weir/base/crc64.cc", "#include <isa-l/crc.h>\n"},
                                 {"src/weir/server/a.cc", "#include <fmt/core.h>\n#include <boost/asio/ip/tcp.hpp>\n"},
                                 {"src/weir/server/b.cc", "#include <absl/hash.h>\n"}}),
                        check_includes),
              ElementsAre("src/weir/base/crc64.cc:1", "src/weir/server/a.cc:2", "src/weir/server/b.cc:1"));
}

// Property: clocks, threads and system calls are found in code, not in comments, strings or names that contain them.
TEST(CallRule, finds_calls_and_only_calls) {
  EXPECT_THAT(places_of(tree_of({{"src/weir/storage/a.cc",
                                  "// std::mutex, getenv\n"
                                  "auto s = \"std::thread\";\n"
                                  "auto t = std::chrono::steady_clock::now();\n"
                                  "int fd = ::open(path, 0);\n"
                                  "Log::open(disk); disk.open(path); co_await open(x); Task<int> Log::close();\n"
                                  "my_getenv(); fsyncs();\n"
                                  "std::mutex m;\n"},
                                 {"src/weir/runtime/real/a.cc", "::open(path, 0);\n"},
                                 {"src/weir/cli/main.cc", "getenv(\"HOME\");\n"},
                                 {"src/weir/storage/a_test.cc", "std::mutex m;\n"}}),
                        check_calls),
              ElementsAre("src/weir/storage/a.cc:3", "src/weir/storage/a.cc:4", "src/weir/storage/a.cc:7"));
}

// Property: sizes are a ratchet. Fails when a listed file may grow, or when a row outlives its need.
TEST(SizeRule, lets_large_files_only_shrink) {
  const std::string large(600, '\n');
  const auto check = [&](std::string_view rows) {
    return places_of(tree_of({{"src/weir/base/a.cc", large}, {"src/weir/base/b.cc", "\n"}, {"tools/tidy/sizes.txt", rows}}),
                     check_sizes);
  };
  EXPECT_THAT(check("# none\n"), ElementsAre("src/weir/base/a.cc:600"));
  EXPECT_THAT(check("src/weir/base/a.cc 600\n"), IsEmpty());
  EXPECT_THAT(check("src/weir/base/a.cc 599\n"), ElementsAre("src/weir/base/a.cc:600"));
  EXPECT_THAT(check("src/weir/base/a.cc 600\nsrc/weir/base/b.cc 700\nsrc/gone.cc 900\n"),
              ElementsAre("tools/tidy/sizes.txt:2", "tools/tidy/sizes.txt:3"));
  // Scripts count, whatever they are called; documents do not.
  EXPECT_THAT(places_of(tree_of({{"tests/a/b.py", large}, {"tests/a/run", "#!/usr/bin/env python3\n" + large}, {"docs/a.md", large}}), check_sizes),
              ElementsAre("tests/a/b.py:600", "tests/a/run:601"));
}

// Property: an exception takes out its own finding and no other, and an unneeded one is reported.
TEST(Exceptions, are_exact) {
  const Tree tree = tree_of({{"tools/tidy/exceptions.txt", "# head\ncall a.cc getenv: it is a main\ncall b.cc getenv: gone\n"}});
  std::vector<Finding> findings{{"a.cc", 1, "getenv: x", "", "call"}, {"a.cc", 2, "std::mutex", "", "call"}};
  apply_exceptions(tree, findings);
  EXPECT_THAT(places(findings), ElementsAre("a.cc:2", "tools/tidy/exceptions.txt:3"));
}

// Property: words of unfinished work are found in any file, also in comments, but not inside other words.
TEST(UnfinishedRule, finds_words_everywhere) {
  const std::string word = std::string("TO") + "DO";
  EXPECT_THAT(
      places_of(tree_of({{"docs/a.md", "fine\n" + word + ": more\n"}, {"docs/b.md", word + "S_ARE_OTHER\n"}}), check_unfinished),
      ElementsAre("docs/a.md:2"));
}

// Property: the property may stand anywhere in the comment above the test, and only there.
TEST(PropertyRule, looks_at_the_comment_above) {
  EXPECT_THAT(places_of(tree_of({{"src/weir/base/a_test.cc",
                                  "// Property: x.\n// And more.\nTEST(A, b) {}\n\n// Property: y.\n\nTEST(A, c) {}\n"}}),
                        check_properties),
              ElementsAre("src/weir/base/a_test.cc:7"));
}

// Property: paths in code spans and links must exist; patterns, other words and fenced blocks are left alone.
TEST(PathRule, checks_spans_and_links) {
  EXPECT_THAT(document_places(tree_of({{"src/weir/FLOORS", kRows},
                                       {"docs/internals/storage.md", "see [log](log.md) and [up](../../ARCHITECTURE.md#x)\n"},
                                       {"src/weir/storage/log.cc", "int x;\n"},
                                       {"ARCHITECTURE.md",
                                        "`storage/log.cc` `src/weir/storage/log.cc:12` `src/weir/storage`\n"
                                        "`storage/gone.cc`\n"
                                        "`docs/gone.md` and `src/weir/server/handlers/NN_name.cc` `weir log dump`\n"
                                        "```\n`src/gone`\n```\n"}})),
              ElementsAre("ARCHITECTURE.md:2", "ARCHITECTURE.md:3", "docs/internals/storage.md:1"));
}

// Property: a module with code has a page; one with only tests or without files needs none.
TEST(InternalsRule, wants_a_page_for_code) {
  EXPECT_THAT(document_places(tree_of({{"src/weir/storage/log.h", "int x;\n"}, {"src/weir/server/a_test.cc", "int y;\n"}})),
              ElementsAre("docs/internals/storage.md:1"));
}

}  // namespace
}  // namespace weir::tidy
