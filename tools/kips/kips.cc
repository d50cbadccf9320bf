#include "kips.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace weir::kips {
namespace {

constexpr std::string_view kStates[] = {"served", "partly", "later", "none"};

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(trim(text.substr(at, end - at)));
    at = end + 1;
  }
  return parts;
}

// def name(t):  below  @case(...), other decorators in between
void find_cases(const std::vector<std::string_view>& lines, Tests& tests) {
  bool is_case = false;
  for (std::string_view line : lines) {
    if (line.starts_with("@case")) {
      is_case = true;
    } else if (!line.starts_with("@")) {
      if (is_case && line.starts_with("def ")) tests.emplace(line.substr(4, line.find('(') - 4));
      is_case = false;
    }
  }
}

// TEST(Suite, name), TEST_F and TEST_P
void find_macros(const std::vector<std::string_view>& lines, Tests& tests) {
  for (std::string_view line : lines) {
    for (std::string_view macro : {"TEST(", "TEST_F(", "TEST_P("}) {
      if (!line.starts_with(macro)) continue;
      const auto names = split(line.substr(macro.size(), line.find(')') - macro.size()), ',');
      if (names.size() == 2) tests.insert(std::string(names[0]) + "." + std::string(names[1]));
    }
  }
}

// says "name" 0 ...
void find_checks(const std::vector<std::string_view>& lines, Tests& tests) {
  for (std::string_view line : lines) {
    if (!line.starts_with("says \"")) continue;
    const std::string_view rest = line.substr(6);
    tests.insert("cli:" + std::string(rest.substr(0, rest.find('"'))));
  }
}

bool parse_number(std::string_view text, int& number) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() && number > 0;
}

// What is wrong with a row that could be read; empty when nothing is.
std::string judge(const Row& row, int previous, const Tests& tests) {
  if (std::find(std::begin(kStates), std::end(kStates), row.state) == std::end(kStates)) {
    return "\"" + row.state + "\" is no state: say served, partly, later or none";
  }
  if (row.number <= previous) return "KIP-" + std::to_string(row.number) + " is out of order or twice: rows go up by number";
  const bool shown = row.state == "served" || row.state == "partly";
  if (row.title.empty()) return "the row does not say what the KIP is";
  if (shown && row.tests.empty()) return "nothing shows that it is " + row.state + ": name a test, or say later";
  if (row.state != "served" && row.remark.empty()) return "a row that is " + row.state + " says what is missing, or why";
  for (const std::string& test : row.tests) {
    if (!tests.contains(test)) return "there is no test " + test + ": name one that exists, or change the state";
  }
  return {};
}

std::string_view words(std::string_view state) { return state == "none" ? "does not apply" : state; }

}  // namespace

void find_tests(std::string_view path, std::string_view text, Tests& tests) {
  std::vector<std::string_view> lines;
  for (std::string_view line : split(text, '\n')) lines.push_back(line);
  if (path.ends_with(".py")) return find_cases(lines, tests);
  if (path.ends_with(".cc")) return find_macros(lines, tests);
  find_checks(lines, tests);
}

std::vector<Row> parse(std::string_view table, const Tests& tests, std::vector<std::string>& faults) {
  std::vector<Row> rows;
  int line_number = 0;
  for (std::string_view line : split(table, '\n')) {
    ++line_number;
    if (line.empty() || line.front() == '#') continue;
    const std::string place = "kips.txt:" + std::to_string(line_number) + ": ";
    const auto cells = split(line, '|');
    Row row;
    if (cells.size() != 4 || !parse_number(cells[0], row.number)) {
      faults.push_back(place + "not of the form NUMBER | STATE | WHAT | TESTS; REMARK");
      continue;
    }
    row.state = cells[1];
    row.title = cells[2];
    if (row.state == "served" || row.state == "partly") {
      const size_t semicolon = cells[3].find(';');
      for (std::string_view test : split(cells[3].substr(0, semicolon), ',')) {
        if (!test.empty()) row.tests.emplace_back(test);
      }
      if (semicolon != std::string_view::npos) row.remark = trim(cells[3].substr(semicolon + 1));
    } else {
      row.remark = cells[3];
    }
    if (const std::string wrong = judge(row, rows.empty() ? 0 : rows.back().number, tests); !wrong.empty()) {
      faults.push_back(place + wrong);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string page(const std::vector<Row>& rows) {
  std::map<std::string_view, int> counts;
  for (const Row& row : rows) ++counts[row.state];
  std::string out =
      "# KIPs\n\n"
      "Generated by `tools/kips` from its table; a test keeps it current and fails when a row names a test that does not exist.\n"
      "Change the table, then run `build/release/weir_kips . > docs/kips.md`.\n\n"
      "Each Kafka Improvement Proposal that is in Apache Kafka 4.3 and that a broker, client or tool which Weir replaces can see.\n"
      "Not listed: what changes only Java interfaces or the metrics inside of Java clients, Kafka Streams' own operators and stores,\n"
      "and Connect's own plugins; those libraries run against Weir as they are (`streams_*`, `connect_*` and `mirror_*` in\n"
      "[compatibility](compatibility.md)).\n\n"
      "A test with a dot is a unit test, one that begins with `cli:` a check of the command line, any other a case of `./dev compat`\n"
      "that runs against real Kafka too. *later* names what it belongs to.\n\n";
  out += "| state | KIPs |\n| --- | --: |\n";
  for (std::string_view state : kStates) {
    out += "| " + std::string(words(state)) + " | " + std::to_string(counts[state]) + " |\n";
  }
  out += "\n| KIP | what it is | state | shown by; or why |\n| --: | --- | --- | --- |\n";
  for (const Row& row : rows) {
    std::string last;
    for (const std::string& test : row.tests) last += (last.empty() ? "`" : ", `") + test + "`";
    if (!last.empty() && !row.remark.empty()) last += "; ";
    last += row.remark;
    out += "| " + std::to_string(row.number) + " | " + row.title + " | " + std::string(words(row.state)) + " | " + last + " |\n";
  }
  return out;
}

}  // namespace weir::kips
