// The table of KIPs (kips.txt): one row for each Kafka Improvement Proposal that a broker, client or tool can see.
//
//   number | state | what it is | tests, or why there are none
//
// State    served, partly, later, or none (there is nothing to do in Weir).
// Tests    separated by commas, only in rows that are served or partly: the name of a compatibility case, Suite.name of a unit
//          test, or cli:NAME of a check of the command line. After a semicolon: what is missing.
// Holds    - numbers rise, so that a row has one place
//          - a row that is served or partly names at least one test, and each test named exists
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::kips {

struct Row {
  int number = 0;
  std::string state;
  std::string title;
  std::vector<std::string> tests;
  std::string remark;
};

// Names of the tests that the tree has, each as a row may call it.
using Tests = std::set<std::string, std::less<>>;

// Adds the tests that `text`, the file at `path`, defines: cases of Python files, macros of C++ files, checks of tests/cli/run.
void find_tests(std::string_view path, std::string_view text, Tests& tests);

// Reads the table. Each fault is a sentence "kips.txt:LINE: what is wrong: what to do" in `faults`.
std::vector<Row> parse(std::string_view table, const Tests& tests, std::vector<std::string>& faults);

// The page docs/kips.md.
std::string page(const std::vector<Row>& rows);

}  // namespace weir::kips
