#include "kips.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::kips {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Tests some_tests() {
  Tests tests;
  find_tests("tests/compat/cases_x.py",
             "@case(limit=3)\ndef groups_one(t):\n  pass\n\ndef helper(t):\n\n@case()\n@on_kafka_side\ndef groups_two(t):\n", tests);
  find_tests("src/weir/x/log_test.cc", "TEST(Log, truncates) {\nTEST_F(DiskTest, locks_end) {\n// TEST(Log, not_this)\n", tests);
  find_tests("tests/cli/run", "says \"help of adopt\" 0 \"--check\" -- weir\n  says \"inner\" 0\n", tests);
  return tests;
}

std::vector<std::string> faults_of(std::string_view table) {
  std::vector<std::string> faults;
  parse(table, some_tests(), faults);
  return faults;
}

// Property: cases, unit tests and checks are found under the names that rows use. Fails when a plain function or a comment
// counts as a test, so that a row could be shown by nothing.
TEST(Kips, finds_tests) {
  EXPECT_THAT(some_tests(), ElementsAre("DiskTest.locks_end", "Log.truncates", "cli:help of adopt", "cli:inner", "groups_one",
                                        "groups_two"));
}

// Property: a row that names a test which does not exist is a fault with its line. Fails when the check looks at the first
// name only, or lets a row through that names none.
TEST(Kips, rows_need_tests_that_exist) {
  EXPECT_THAT(faults_of("1 | served | a | groups_one, Log.truncates\n2 | partly | b | cli:help of adopt; half of it\n"), IsEmpty());
  EXPECT_THAT(faults_of("# head\n1 | served | a | groups_one, groups_three\n"),
              ElementsAre(HasSubstr("kips.txt:2: there is no test groups_three")));
  EXPECT_THAT(faults_of("1 | served | a | helper\n"), ElementsAre(HasSubstr("there is no test helper")));
  EXPECT_THAT(faults_of("1 | served | a | \n"), ElementsAre(HasSubstr("nothing shows that it is served")));
}

// Property: a row is well formed. Fails when a wrong state, a number twice, or a missing reason goes unnoticed.
TEST(Kips, rows_are_well_formed) {
  EXPECT_THAT(faults_of("1 | done | a | groups_one\n"), ElementsAre(HasSubstr("\"done\" is no state")));
  EXPECT_THAT(faults_of("2 | none | a | x\n2 | none | b | x\n"), ElementsAre(HasSubstr("kips.txt:2: KIP-2 is out of order")));
  EXPECT_THAT(faults_of("2 | later | a | \n"), ElementsAre(HasSubstr("says what is missing")));
  EXPECT_THAT(faults_of("2 | partly | a | groups_one\n"), ElementsAre(HasSubstr("says what is missing")));
  EXPECT_THAT(faults_of("two | none | a | x\n2 | none | a\n"), ElementsAre(HasSubstr("kips.txt:1: not of the form"), HasSubstr(":2:")));
}

// Property: the page counts each state and shows each row. Fails when a row is lost between table and page.
TEST(Kips, page_shows_every_row) {
  std::vector<std::string> faults;
  const auto rows = parse("1 | served | acks | groups_one\n3 | none | Java only | nothing to see\n", some_tests(), faults);
  const std::string text = page(rows);
  EXPECT_THAT(text, HasSubstr("| served | 1 |\n| partly | 0 |\n| later | 0 |\n| does not apply | 1 |\n"));
  EXPECT_THAT(text, HasSubstr("| 1 | acks | served | `groups_one` |\n| 3 | Java only | does not apply | nothing to see |\n"));
}

}  // namespace
}  // namespace weir::kips
